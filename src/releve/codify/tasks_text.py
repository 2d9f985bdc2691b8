"""One task as its file has it, found by file and line."""

from collections.abc import Iterator, Mapping

from releve.codify.draft import Draft
from releve.codify.yaml_text import Node, NotEditable, compose, entries, items, text_of

_PLAIN = {"name", "when", "loop", "notify", "register", "tags", "become", "vars", "no_log"}


def arguments_of(location: str, draft: Draft) -> Mapping[str, str]:
    """The module's arguments that are plain text; none where the task is not found."""
    path, _, line = location.rpartition(":")
    text = draft.read(path)
    if text is None or not line.isdigit():
        return {}
    try:
        node = compose(text)
    except NotEditable:
        return {}
    for task in _walk(node):
        if task.start_mark.line + 1 == int(line):
            return _arguments(task)
    return {}


def _walk(node: Node | None) -> Iterator[Node]:
    """Tasks at any depth: plays and blocks hold more of them."""
    for item in items(node):
        yield item
        for _, value in entries(item):
            yield from _walk(value)


def _arguments(task: Node) -> Mapping[str, str]:
    for key, value in entries(task):
        given = {name: text_of(found) for name, found in entries(value)}
        if given and key not in _PLAIN:
            return {name: text for name, text in given.items() if text is not None}
    return {}
