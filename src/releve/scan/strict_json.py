"""JSON as it came from a server: one value, no NaN, no key twice, not too deep, or ValueError."""

import json
from typing import Any, Final, NoReturn


def read_json(line: bytes) -> Any:
    try:
        return _DECODER.decode(line.decode("ascii"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_refuse_twice)
