"""A team's template rendered here, each line of the result with the template's line it is from.

Facts and vaulted values are not known here: they stand as a wildcard. A result counts only where
the twin's digest proves it.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NoReturn

import jinja2
import yaml
from jinja2.sandbox import SandboxedEnvironment

from releve.codify.draft import Draft
from releve.codify.types import RepositoryView
from releve.codify.variables import list_definitions

WILDCARD: Final = "\x01"
_MARK: Final = re.compile("\x02([0-9]+)\x03")
_CONTROL_LINE: Final = re.compile(r"\s*\{[%#].*[%#]\}\s*")
_DEEPEST: Final = 5  # variables in variables
_LARGEST: Final = 1 << 18  # characters of a template


@dataclass(frozen=True)
class RenderedLine:
    number: int  # of the template's line, from 0; -1 where it is from no line alone
    text: str  # with WILDCARD for what is not known here


def render_template(
    template: str, draft: Draft, repository: RepositoryView
) -> tuple[RenderedLine, ...] | None:
    """None where the template needs more than files can tell."""
    if len(template) > _LARGEST or "\x02" in template or "\r" in template:
        return None
    variables = _read_variables(draft, repository)
    marked = "\n".join(
        line if _CONTROL_LINE.fullmatch(line) or (not line and index == template.count("\n"))
        else f"\x02{index}\x03{line}"
        for index, line in enumerate(template.split("\n"))
    )  # fmt: skip
    try:
        plain = _render(template, variables)
        with_marks = _render(marked, variables)
    except Exception:  # noqa: BLE001 - whatever a template does that only Ansible can
        return None
    if _MARK.sub("", with_marks) != plain:
        return None
    return tuple(_read_line(line) for line in with_marks.split("\n"))


def prove(lines: Sequence[str], digest: str, *, twin: bytes | None) -> bool:
    """Whether these lines are what the twin has."""
    content = "\n".join(lines).encode("utf-8", "surrogateescape")
    if twin is not None:
        return content == twin
    return digest == f"sha256:{hashlib.sha256(content).hexdigest()}"


def fill_wildcards(rendered: Sequence[RenderedLine], known: Sequence[str]) -> list[str] | None:
    """The rendered lines with what stands in `known` in place of wildcards; in its order."""
    filled = []
    position = 0
    for line in rendered:
        if WILDCARD not in line.text:
            filled.append(line.text)
            position = _after(known, line.text, position)
            continue
        pattern = re.compile(".*?".join(re.escape(part) for part in line.text.split(WILDCARD)))
        found = next(
            (at for at in range(position, len(known)) if pattern.fullmatch(known[at])), None
        )
        if found is None:
            return None
        filled.append(known[found])
        position = found + 1
    return filled


def _after(known: Sequence[str], text: str, position: int) -> int:
    try:
        return known.index(text, position) + 1
    except ValueError:
        return position


def _read_line(line: str) -> RenderedLine:
    marks = _MARK.findall(line)
    text = _MARK.sub("", line)
    begins = line.startswith("\x02")
    return RenderedLine(int(marks[0]) if len(marks) == 1 and begins else -1, text)


class _Unknown:
    """Whatever is done with it, it stays unknown; a decision on it ends the rendering."""

    unsafe_callable = alters_data = False  # what the sandbox asks

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> "_Unknown":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __str__(self) -> str:
        return WILDCARD

    def _same(self, *_: Any, **__: Any) -> "_Unknown":
        return self

    def _undecidable(self, *_: Any) -> NoReturn:
        raise jinja2.UndefinedError("unknown here")

    __getitem__ = __call__ = __add__ = __radd__ = _same
    __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __floordiv__ = __mod__ = _same
    __bool__ = __iter__ = __len__ = __eq__ = __lt__ = __gt__ = __contains__ = _undecidable
    __hash__ = object.__hash__


class _Filters(dict[str, Any]):
    """Jinja's own; one of Ansible's makes whatever it is given unknown."""

    def __missing__(self, key: str) -> Any:
        return _Unknown

    def __contains__(self, key: object) -> bool:
        return True

    def get(self, key: str, default: Any = None) -> Any:
        del default
        return self[key]


def _render(template: str, variables: Mapping[str, Any]) -> str:
    environment = SandboxedEnvironment(
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.undefined = _Unknown  # type: ignore[assignment] # `default` must not hide it
    own = dict(environment.filters)
    for name in ("default", "d"):
        own[name] = _default
    environment.filters = _Filters(own)
    environment.tests["defined"] = environment.tests["undefined"] = _Unknown._undecidable  # noqa: SLF001
    return environment.from_string(template).render(variables)


def _default(value: Any, *_: Any) -> Any:
    return value


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # either
    pass


def _construct_unsafe(loader: _Loader, node: yaml.Node) -> Any:
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else _Unknown()


_Loader.add_multi_constructor("!", _Unknown)
_Loader.add_constructor("!unsafe", _construct_unsafe)


def _read_variables(draft: Draft, repository: RepositoryView) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for definition in list_definitions(draft, repository):
        loaded = _load(draft.read(definition.file) or "")
        if definition.name in loaded:
            values[definition.name] = loaded[definition.name]
    values |= {"inventory_hostname": repository.host, "ansible_managed": "Ansible managed"}
    for _ in range(_DEEPEST):
        values = {name: _resolve(value, values) for name, value in values.items()}
    return values


@lru_cache(maxsize=64)
def _load(text: str) -> Mapping[str, Any]:
    """Read by nobody but `_read_variables`, which changes nothing in it."""
    try:
        loaded = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _resolve(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, str) and "{{" in value:
        try:
            rendered = _render(value, values)
        except Exception:  # noqa: BLE001 - as in render_template
            return _Unknown()
        return _Unknown() if rendered == WILDCARD else rendered
    if isinstance(value, dict):
        return {key: _resolve(item, values) for key, item in value.items()}
    return [_resolve(item, values) for item in value] if isinstance(value, list) else value
