"""A variable whose value is what the twin has, in the task that writes it: set it for this host."""

import re

from releve.codify.outcome import Work
from releve.codify.scalars import write_unsafe
from releve.codify.variables import host_file, list_definitions, scalar_of
from releve.codify.yaml_text import NotEditable, append_top_level, find_node, replace_scalar
from releve.model.converge import TouchKind

_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")
_LOW = (0, 1, 2, 3)  # defaults, all, group, host: what the host's own file wins over


def set_value_variable(before: str, after: str, paths: tuple[str, ...], *, work: Work) -> str:
    """Why it was set, or empty where no task takes exactly this value from one variable."""
    tasks = "\n".join(_task_texts(paths, work))
    for definition in reversed(list_definitions(work.draft, work.situation.repository)):
        if scalar_of(definition) == before and definition.rank in _LOW:
            used = rf"\{{\{{-?\s*{re.escape(definition.name)}\s*-?\}}\}}"
            if re.search(used, tasks):
                return set_for_host(definition.name, after, work=work, instead_of=before)
    return ""


def set_for_host(name: str, value: str, *, work: Work, instead_of: str) -> str:
    """In the host's own variables; the value stays a number where it was one."""
    repository = work.situation.repository
    path = host_file(work.draft, repository)
    text = work.draft.read(path) or "---\n"
    both_numbers = _NUMBER.fullmatch(value) and _NUMBER.fullmatch(instead_of)
    written = value if both_numbers else write_unsafe(value)
    if find_node(text, (name,)) is None:
        line = f"{name}: {written}\n"
        is_bare = text.strip() in {"", "---"}
        text = append_top_level(text, line) if is_bare else f"{text.rstrip()}\n{line}"
    else:
        text = replace_scalar(text, (name,), new=written)
    if find_node(text, (name,)) is None:
        raise NotEditable(f"{path} does not take another variable at its end")
    work.draft.write(path, text)
    return f"{path} sets {name} for this host: the playbooks write the value from that variable"


def task_text(location: str, work: Work) -> str:
    """The lines of one task, as its file has them."""
    path, _, line = location.rpartition(":")
    text = work.draft.read(path)
    if text is None or not line.isdigit():
        return ""
    lines = text.splitlines()
    start = int(line) - 1
    indent = len(lines[start]) - len(lines[start].lstrip()) if start < len(lines) else 0
    end = start + 1
    while end < len(lines) and (
        not lines[end].strip() or lines[end].startswith(" " * (indent + 1))
    ):
        end += 1
    return "\n".join(lines[start:end])


def _task_texts(paths: tuple[str, ...], work: Work) -> list[str]:
    return [
        task_text(event.location, work)
        for event in work.situation.touches
        if any(touch.kind == TouchKind.PATH and touch.name in paths for touch in event.touches)
    ]
