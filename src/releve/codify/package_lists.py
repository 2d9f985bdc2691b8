"""The team's own lists of packages: the first place for a package that one host has."""

import re

from releve.codify.outcome import Work
from releve.codify.scalars import write_unsafe
from releve.codify.tasks_text import arguments_of
from releve.codify.variables import Definition, list_definitions
from releve.codify.yaml_text import (
    NotEditable,
    append_items,
    find_node,
    items,
    remove_item,
    text_of,
)
from releve.model.converge import TaskEvent, TouchKind

_APT = {"ansible.builtin.apt", "apt", "ansible.legacy.apt", "ansible.builtin.package", "package"}
_AMBIGUOUS = re.compile(r"(?:[0-9.e+-]+|no?|y(?:es)?|on|off|true|false|null|~)", re.IGNORECASE)


def add_to_team_list(package: str, work: Work) -> str:
    """Why it stands where it was written, or empty where no list is this host's alone."""
    lists = _lists_of_host(work)
    for definition in sorted(lists, key=lambda found: _nearness(found, package), reverse=True):
        text = work.draft.read(definition.file) or ""
        try:
            text = append_items(text, (definition.name,), lines=f"- {_write_name(package)}\n")
        except NotEditable:
            continue
        work.draft.write(definition.file, text)
        return (
            f"{definition.file} lists packages in {definition.name}, and no other host reads it; "
            f"{_locate(definition, work)} installs them"
        )
    return ""


def drop_from_team_list(package: str, work: Work) -> str:
    for definition in _lists_of_host(work):
        text = work.draft.read(definition.file) or ""
        try:
            text = remove_item(text, (definition.name,), value=package)
        except NotEditable:
            continue
        work.draft.write(definition.file, text)
        return f"{definition.file} listed it in {definition.name}, and no other host reads it"
    return ""


def _lists_of_host(work: Work) -> list[Definition]:
    """Lists that an apt task of the newest converge installed, and that only this host reads."""
    own = frozenset({work.situation.repository.host})
    found = {
        definition.name: definition
        for definition in list_definitions(work.draft, work.situation.repository)
    }
    return [
        definition
        for definition in found.values()
        if definition.reaches == own and _installer(definition, work) is not None
    ]


def _installer(definition: Definition, work: Work) -> TaskEvent | None:
    """The task of the newest converge that installed all that the commit lists there."""
    committed = work.situation.repository.files.get(definition.file, b"")
    try:
        original = find_node(committed.decode("utf-8", "replace"), (definition.name,))
    except NotEditable:
        return None
    names = {text_of(item) for item in items(original)}
    if not names or None in names:
        return None
    for event in work.situation.touches:
        if event.action in _APT and names <= _packages(event) and not _is_removal(event, work):
            return event
    return None


def find_contrary(package: str, work: Work, *, removal: bool) -> TaskEvent | None:
    """A task that would undo it: one that installs what was removed, or the other way round."""
    for event in work.team_touches(TouchKind.PACKAGE, package):
        if event.action in _APT and _is_removal(event, work) is not removal:
            return event
    return None


def _packages(event: TaskEvent) -> set[str | None]:
    return {touch.name for touch in event.touches if touch.kind == TouchKind.PACKAGE}


def _is_removal(event: TaskEvent, work: Work) -> bool:
    return arguments_of(event.location, work.draft).get("state", "") == "absent"


def _nearness(definition: Definition, package: str) -> tuple[int, int]:
    """php8.2-xsl belongs beside php-xml; what fits nowhere, into the longest list."""
    stem = re.split(r"[-0-9.+]", package)[0]
    names = [text_of(item) or "" for item in items(definition.node)]
    return sum(re.split(r"[-0-9.+]", name)[0] == stem for name in names), len(names)


def _write_name(package: str) -> str:
    is_plain = re.fullmatch(r"[a-z0-9][a-z0-9+.-]*", package) and not _AMBIGUOUS.fullmatch(package)
    return package if is_plain else write_unsafe(package)


def _locate(definition: Definition, work: Work) -> str:
    event = _installer(definition, work)
    return event.location if event is not None else "a task"
