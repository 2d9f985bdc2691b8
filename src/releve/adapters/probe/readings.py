"""The probe's lines as readings: exact shapes, bounded values, or Garbled."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from releve.adapters.probe.lines import Garbled
from releve.model.reading import (
    Certificate,
    InsideReading,
    Intent,
    KernelLine,
    MountReading,
    WriteOutcome,
)
from releve.model.server_text import show_server_text
from releve.scan.strict_json import read_json

Value = TypeVar("Value")

_MOST: Final = {"mounts": 24, "lines": 20, "units": 50, "certificates": 50}
_LONGEST_TEXT: Final = 1024
_LARGEST: Final = 1 << 64
_LATEST: Final = 32_503_680_000  # the year 3000; Unix seconds
_HEADER: Final = {"releve-probe", "nonce", "boot_id", "kernel", "python", "kernel_log", "locked"}
_ROUND: Final = {"n", "time", *_MOST}
_MOUNT: Final = (
    *(str, str, str, str, bool, bool, bool, str),
    *(int, float, int, str, int, int, int, int),
)


@dataclass(frozen=True)
class Header:
    """What stays the same for as long as this probe runs."""

    boot_id: str
    kernel: str
    python: str
    kernel_log_readable: bool
    locked_in_memory: bool


def read_header(line: bytes) -> Header:
    found = _read_object(line, _HEADER)
    return Header(
        boot_id=_text(found["boot_id"]),
        kernel=_text(found["kernel"]),
        python=_text(found["python"]),
        kernel_log_readable=_exactly(found["kernel_log"], bool),
        locked_in_memory=_exactly(found["locked"], bool),
    )


def read_round(line: bytes, header: Header) -> InsideReading:
    found = _read_object(line, _ROUND)
    return InsideReading(
        sequence=_number(found["n"]),
        boot_id=header.boot_id,
        host_time=_moment(found["time"]),
        mounts=_all(found, "mounts", _mount),
        kernel_log_readable=header.kernel_log_readable,
        kernel_lines=_all(found, "lines", _kernel_line),
        failed_units=_all(found, "units", _text),
        certificates=_all(found, "certificates", _certificate),
    )


def _mount(value: Any) -> MountReading:
    values = _row(value, _MOUNT)
    return MountReading(
        path=_text(values[0]),
        device=_text(values[1]),
        filesystem=_text(values[2]),
        intent=_word(Intent, values[3]),
        read_only_view=values[4],
        read_only_filesystem=values[5],
        emergency=values[6],
        write=_word(WriteOutcome, values[7]),
        error_number=_number(values[8]),
        write_seconds=_seconds(values[9]),
        errors=_number(values[10]),
        last_error=_text(values[11]),
        bytes_total=_number(values[12]),
        bytes_free=_number(values[13]),
        inodes_total=_number(values[14]),
        inodes_free=_number(values[15]),
    )


def _kernel_line(value: Any) -> KernelLine:
    seconds, device, text = _row(value, (float, str, str))
    return KernelLine(_seconds(seconds), _text(device), _text(text, limit=400))


def _certificate(value: Any) -> Certificate:
    path, expires = _row(value, (str, str))
    try:
        moment = datetime.fromisoformat(expires[:40])
    except ValueError as error:
        raise Garbled("it names a certificate that ends at no time") from error
    return Certificate(_text(path), moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _all(found: dict[str, Any], name: str, read: Callable[[Any], Value]) -> tuple[Value, ...]:
    values = _exactly(found[name], list)
    if len(values) > _MOST[name]:
        raise Garbled(f"it names more than {_MOST[name]} {name}")
    return tuple(read(value) for value in values)


def _read_object(line: bytes, keys: set[str]) -> dict[str, Any]:
    try:
        found = read_json(line)
    except ValueError as error:
        raise Garbled(f"it sends a line that is no JSON: {_show(line)}") from error
    if type(found) is not dict or set(found) != keys:
        raise Garbled(f"it sends a line of another shape: {_show(line)}")
    return found


def _row(value: Any, shape: tuple[type, ...]) -> list[Any]:
    row: list[Any] = _exactly(value, list)
    if len(row) != len(shape):
        raise Garbled(f"it sends {len(row)} values in place of {len(shape)}")
    return [_exactly(part, kind) for part, kind in zip(row, shape, strict=True)]


def _exactly(value: Any, kind: type[Value]) -> Value:
    if type(value) is int and kind is float:
        value = min(value, _LARGEST) * 1.0
    if type(value) is not kind:
        raise Garbled(f"it sends {type(value).__name__} in place of {kind.__name__}")
    return value


def _word(words: Callable[[str], Value], value: str) -> Value:
    try:
        return words(value)
    except ValueError as error:
        raise Garbled(f"it sends a word that is none: {_show(value)}") from error


def _number(value: Any) -> int:
    number = _exactly(value, int)
    if not 0 <= number < _LARGEST:
        raise Garbled("it sends a number that is out of bounds")
    return number


def _seconds(value: float) -> float:
    if not math.isfinite(value) or not 0 <= value < _LATEST:
        raise Garbled("it sends seconds that are out of bounds")
    return value


def _moment(value: Any) -> datetime:
    return datetime.fromtimestamp(_seconds(_exactly(value, float)), UTC)


def _text(value: Any, *, limit: int = _LONGEST_TEXT) -> str:
    text = _exactly(value, str)
    # most of it is plain, and there is much of it
    plain = len(text) <= limit and text.isascii() and text.isprintable()
    return text if plain else show_server_text(text, limit=limit)


def _show(text: str | bytes) -> str:
    return show_server_text(text, limit=80)
