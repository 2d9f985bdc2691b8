"""The YAML that a plan may use: one document of plain mappings, lists and values, with lines.

Read as a stream of events, so that a hostile file is refused at its first forbidden mark and
nothing is ever expanded.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from releve.errors import PlanError
from releve.plan.problems import Place, quote

DEEPEST = 16
MOST_NODES = 20_000

_FORBIDDEN_CHARACTER: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{0,18}([eE][-+]?[0-9]{1,2})?")
_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_ADVICE: Final = (
    ("tab character", "indent with spaces"),
    ("cannot start any token", "indent with spaces, and quote a value that starts with % @ or `"),
    ("mapping values are not allowed", "quote a value that holds ': ', and check the indentation"),
    ("could not find expected ':'", "write `key: value`, with a space after the colon"),
    ("while scanning a quoted scalar", "close the quotation mark"),
    ("unknown escape", "write backslashes in single quotes: '\\d'"),
    ("',' or ']'", "close the list with ]"),
    ("',' or '}'", "close the mapping with }"),
)

# What was opened and not closed is to blame, not the place where that came out.
_OPENED: Final = ("quoted scalar", "simple key", "flow sequence", "flow mapping")


@dataclass(frozen=True)
class YamlTree:
    data: Any
    lines: dict[Place, int]  # 1 is the first line; of the key, or of the list item


def read_yaml(text: str, *, shown_path: str) -> YamlTree:
    """PlanError at the first thing that is not the YAML of a plan."""
    reader = _Reader(shown_path)
    reader.refuse_characters(text)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except yaml.YAMLError as error:
        raise reader.explain(error) from error
    return YamlTree(data=reader.root, lines=reader.lines)


# libyaml is some 25 times faster than the pure parser, and yields the same events.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class _Open:
    """A mapping or list whose end is still to come."""

    value: dict[str, Any] | list[Any]
    place: Place
    key: str | None = None  # read, its value is still to come


@dataclass
class _Reader:
    shown_path: str
    root: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    _open: list[_Open] = field(default_factory=list)
    _documents: int = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._start_document(event)
            case yaml.AliasEvent():
                raise self._refuse_anchor(event, f"alias *{event.anchor}")
            case yaml.ScalarEvent():
                self._refuse_extras(event)
                self._take_scalar(event)
            case yaml.MappingStartEvent():
                self._refuse_extras(event)
                self._start({}, event)
            case yaml.SequenceStartEvent():
                self._refuse_extras(event)
                self._start([], event)
            case yaml.CollectionEndEvent():
                self._open.pop()

    def refuse_characters(self, text: str, first_line: int = 1) -> None:
        found = _FORBIDDEN_CHARACTER.search(text)
        if found:
            raise self._error(
                first_line + text.count("\n", 0, found.start()),
                f"the character {found[0]!a} is not allowed",
                why="control and direction characters make a file read other than it looks",
                remedy="delete it; in an editor it may be invisible",
            )

    def explain(self, error: yaml.YAMLError) -> PlanError:
        marks = [getattr(error, name, None) for name in ("problem_mark", "context_mark")]
        if any(words in str(getattr(error, "context", "")) for words in _OPENED):
            marks.reverse()
        mark = next((mark for mark in marks if mark), None)
        said = " ".join(
            str(part)
            for part in (getattr(error, "context", None), getattr(error, "problem", None))
            if part
        )
        advice = next((advice for words, advice in _ADVICE if words in said), "")
        return self._error(
            mark.line + 1 if mark else 1,
            "this is not valid YAML",
            why=said[:200] or "the parser gave up",
            remedy=advice or "compare the indentation and the quotes with the lines above",
        )

    def _start_document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self._error(
                _line_of(event),
                "a second YAML document starts here",
                why="a plan is one document",
                remedy="delete the `---`, or move what follows to a file of its own",
            )
        if event.version or event.tags:
            raise self._error(
                _line_of(event),
                "the file starts with a % directive",
                why="a plan is read by one fixed set of YAML rules",
                remedy="delete the lines that start with %",
            )

    def _refuse_extras(self, event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            raise self._refuse_anchor(event, f"anchor &{event.anchor}")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise self._error(
                _line_of(event),
                f"the YAML tag {quote(str(tag))} is not allowed",
                why="a plan holds plain values only; secrets stay in the vault, not in the plan",
                remedy="delete the tag and write the plain value",
            )

    def _refuse_anchor(self, event: yaml.NodeEvent, name: str) -> PlanError:
        return self._error(
            _line_of(event),
            f"the YAML {name[:60]} is not allowed",
            why="aliases can blow a small file up to gigabytes",
            remedy="write the value out where it is needed",
        )

    def _start(self, value: dict[str, Any] | list[Any], event: yaml.NodeEvent) -> None:
        if len(self._open) >= DEEPEST:
            raise self._error(
                _line_of(event),
                f"values are nested more than {DEEPEST} deep",
                why="no plan needs that",
                remedy="check the brackets and the indentation",
            )
        if self._open and isinstance(self._open[-1].value, dict) and self._open[-1].key is None:
            raise self._error(
                _line_of(event),
                "a mapping or a list stands where a key belongs",
                why="an unquoted {{ reads so; a plan holds plain values, no templates",
                remedy="write the plain value",
            )
        self._open.append(_Open(value, self._put(value, event)))

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        self.refuse_characters(event.value, _line_of(event))
        top = self._open[-1] if self._open else None
        if top and isinstance(top.value, dict) and top.key is None:
            self._take_key(top, event)
        else:
            plain = event.style in (None, "")
            self._put(_resolve(event.value) if plain else event.value, event)

    def _take_key(self, top: _Open, event: yaml.ScalarEvent) -> None:
        key = event.value
        place = (*top.place, key)
        if key in top.value:
            raise self._error(
                _line_of(event),
                f"the key {quote(key)} is given twice",
                why=f"it is already on line {self.lines[place]}",
                remedy="keep one of the two",
            )
        self.lines[place] = _line_of(event)
        top.key = key

    def _put(self, value: Any, event: yaml.NodeEvent) -> Place:
        if not self._open:
            self.root = value
            return ()
        top = self._open[-1]
        if isinstance(top.value, dict):
            place = (*top.place, top.key or "")
            top.value[top.key or ""] = value
            top.key = None
        else:
            place = (*top.place, len(top.value))
            top.value.append(value)
            self.lines[place] = _line_of(event)
        if len(self.lines) > MOST_NODES:
            raise self._error(
                _line_of(event),
                f"the plan holds more than {MOST_NODES} values",
                why="no plan needs that",
                remedy="split the hosts over several repositories",
            )
        return place

    def _error(self, line: int, what: str, *, why: str, remedy: str) -> PlanError:
        return PlanError(what, why=why, remedy=remedy, location=f"{self.shown_path}:{line}")


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _resolve(text: str) -> Any:
    """YAML 1.2 core rules; `no` and `on` are words, 0644 stays text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
