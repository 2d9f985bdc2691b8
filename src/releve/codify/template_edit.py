"""What was changed by hand in a rendered file, written into the template that it came from."""

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from releve.codify.outcome import Work
from releve.codify.rendering import (
    WILDCARD,
    RenderedLine,
    fill_wildcards,
    prove,
    render_template,
)
from releve.codify.value_variables import set_for_host
from releve.codify.variables import list_definitions, scalar_of

_EXPRESSION: Final = re.compile(r"(?P<head>[^{}]*)\{\{-?\s*(?P<name>\w+)\s*-?\}\}(?P<tail>[^{}]*)")
_RISKY: Final = re.compile(r"\{[{%#]|#jinja2:")


class NotMappable(Exception):
    """The change cannot be told in the template's own lines; the argument is the reason."""


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int  # lines of the template that go
    lines: tuple[str, ...]  # as the host has them


@dataclass(frozen=True)
class Rendering:
    """One template, what the twin made of it, and what the host has now."""

    path: str
    digest: str
    twin: bytes | None
    live: bytes


def edit_template(rendering: Rendering, work: Work, *, shared: bool) -> str:
    """Change template and variables; what was done, in our words. NotMappable otherwise."""
    repository = work.situation.repository
    template = work.draft.read(rendering.path)
    rendered = render_template(template or "", work.draft, repository)
    if template is None or rendered is None:
        raise NotMappable("the template needs facts that only the host has")
    wanted = _decode(rendering.live)
    if fill_wildcards(rendered, wanted) == wanted:
        return f"{rendering.path} makes it with what was changed before"
    before = _lines_of_twin(rendered, rendering, wanted)
    reasons: list[str] = []
    edits = [
        edit
        for opcode in difflib.SequenceMatcher(None, before, wanted, autojunk=False).get_opcodes()
        if opcode[0] != "equal"
        for edit in _plan_hunk(opcode, before, wanted, rendered=rendered)
    ]
    kept = [edit for edit in edits if not _set_variable(edit, template, work, reasons=reasons)]
    if kept:
        work.draft.write(
            rendering.path, _apply(template, kept, host=repository.host if shared else "")
        )
        only = ", for this host only" if shared else ""
        reasons.append(f"{rendering.path} is the template of the file: its lines change{only}")
    _verify(rendering, work, wanted)
    return "; ".join(reasons)


def escape_line(line: str) -> str:
    """A template's line that renders to exactly this text."""
    if not _RISKY.search(line):
        return line
    escaped = line.replace("\\", "\\\\").replace("'", "\\'")
    return "{{ '" + escaped + "' }}"


def _decode(content: bytes) -> list[str]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotMappable("the file is not valid UTF-8, which a template must be") from error
    if "\r" in text or "\0" in text or WILDCARD in text:
        raise NotMappable("the file holds control characters that a template would not keep")
    return text.split("\n")


def _lines_of_twin(
    rendered: Sequence[RenderedLine], rendering: Rendering, wanted: Sequence[str]
) -> list[str]:
    known = _decode(rendering.twin) if rendering.twin is not None else wanted
    before = fill_wildcards(rendered, known)
    if before is None or not prove(before, rendering.digest, twin=rendering.twin):
        raise NotMappable("what the template makes here is not what it made on the twin")
    return before


def _plan_hunk(
    opcode: tuple[str, int, int, int, int],
    before: Sequence[str],
    wanted: Sequence[str],
    *,
    rendered: Sequence[RenderedLine],
) -> list[_Edit]:
    _, first, last, start, stop = opcode
    times = Counter(line.number for line in rendered)
    numbers = [line.number for line in rendered]
    if any(number < 0 or times[number] > 1 for number in numbers[first:last]):
        raise NotMappable("a line that changed is made by a loop or a condition of the template")
    if last - first == stop - start:
        return [
            _Edit(numbers[first + at], numbers[first + at] + 1, (wanted[start + at],))
            for at in range(last - first)
        ]
    new = tuple(wanted[start:stop])
    if first == last:
        return [_plan_insertion(first, new, numbers=numbers, times=times)]
    if numbers[last - 1] - numbers[first] != last - 1 - first:
        raise NotMappable("lines that changed do not stand together in the template")
    del before
    return [_Edit(numbers[first], numbers[last - 1] + 1, new)]


def _plan_insertion(
    at: int, new: tuple[str, ...], *, numbers: Sequence[int], times: Counter[int]
) -> _Edit:
    """After the line before it, or before the line after it, whichever stands once."""
    if at > 0 and numbers[at - 1] >= 0 and times[numbers[at - 1]] == 1:
        return _Edit(numbers[at - 1] + 1, numbers[at - 1] + 1, new)
    if at < len(numbers) and numbers[at] >= 0 and times[numbers[at]] == 1:
        return _Edit(numbers[at], numbers[at], new)
    raise NotMappable("new lines stand where a loop or a condition of the template writes")


def _set_variable(edit: _Edit, template: str, work: Work, *, reasons: list[str]) -> bool:
    """Where a line is one variable, used nowhere else, it is the variable that changes."""
    if edit.end - edit.start != 1 or len(edit.lines) != 1:
        return False
    match = _EXPRESSION.fullmatch(template.split("\n")[edit.start])
    line = edit.lines[0]
    if not match or not (line.startswith(match["head"]) and line.endswith(match["tail"])):
        return False
    value = line[len(match["head"]) : len(line) - len(match["tail"])]
    before = _sole_value(match["name"], work)
    if before is None or not value or len(line) < len(match["head"]) + len(match["tail"]):
        return False
    reasons.append(set_for_host(match["name"], value, work=work, instead_of=before))
    return True


def _sole_value(name: str, work: Work) -> str | None:
    """Its value, where it is used once and no place that wins over host_vars sets it."""
    found = [
        definition
        for definition in list_definitions(work.draft, work.situation.repository)
        if definition.name == name
    ]
    word = re.compile(rf"\b{re.escape(name)}\b(?!\s*:)")
    uses = sum(
        len(word.findall(work.draft.read(path) or ""))
        for path in work.draft.paths()
        if path.endswith((".yml", ".yaml", ".j2"))
    )
    if not found or uses != 1 or any(definition.rank > 3 for definition in found):
        return None
    return scalar_of(found[-1])


def _apply(template: str, edits: Sequence[_Edit], *, host: str) -> str:
    lines = template.split("\n")
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        new = [escape_line(line) for line in edit.lines]
        if host:
            old = lines[edit.start : edit.end]
            otherwise = ["{% else %}", *old] if old else []
            new = [f"{{% if inventory_hostname == '{host}' %}}", *new, *otherwise, "{% endif %}"]
        lines[edit.start : edit.end] = new
    return "\n".join(lines)


def _verify(rendering: Rendering, work: Work, wanted: Sequence[str]) -> None:
    template = work.draft.read(rendering.path) or ""
    rendered = render_template(template, work.draft, work.situation.repository)
    if rendered is None or fill_wildcards(rendered, wanted) != list(wanted):
        raise NotMappable("the changed template would not make what the host has")
