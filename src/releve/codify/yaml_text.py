"""Edits of a team's YAML that leave every other byte alone: the parser tells where, text is cut.

Each edit is read again before it counts; one that would mean something else is refused.
"""

import re
from functools import lru_cache
from typing import Any, Final

import yaml

Node = yaml.nodes.Node
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same marks, much faster
Path = tuple[str | int, ...]
_TOP_LEVEL: Final = re.compile(r"^\S", re.MULTILINE)
_OTHERWISE: Final = re.compile(
    r"^ ?\S|[|>]\d?\+", re.MULTILINE
)  # indented less, or with line ends kept


class NotEditable(Exception):
    """The text has not the form that the edit needs; the argument is the reason."""


@lru_cache(maxsize=512)
def compose(text: str) -> Node | None:
    """NotEditable for text that YAML cannot read. Nobody changes the nodes: they are shared."""
    try:
        return yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise NotEditable("it is not YAML that can be read") from error


def find_node(text: str, path: Path) -> Node | None:
    node = compose(text)
    for part in path:
        node = _child(node, part)
    return node


def text_of(node: Node | None) -> str | None:
    """A scalar's text, whatever its type."""
    return node.value if isinstance(node, yaml.ScalarNode) else None


def entries(node: Node | None) -> list[tuple[str, Node]]:
    """Keys and values of a mapping; none of anything else."""
    if not isinstance(node, yaml.MappingNode):
        return []
    return [(str(key.value), value) for key, value in node.value]


def items(node: Node | None) -> list[Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def append_items(text: str, path: Path, *, lines: str) -> str:
    """Add a block of `- item` lines (without indentation) to the sequence at the path."""
    node = find_node(text, path)
    if not isinstance(node, yaml.SequenceNode):
        raise NotEditable("there is no list at that place")
    if node.flow_style or not node.value:
        return _append_to_flow(text, node, lines=lines)
    first = _line_at(text, node.value[0].start_mark.index)
    at = last_line(text, node.value[-1]) + 1
    if not first.lstrip().startswith("- "):
        raise NotEditable("its items do not begin on lines of their own")
    indent = first[: len(first) - len(first.lstrip())]
    block = "".join(f"{indent}{line}".rstrip() + "\n" for line in lines.splitlines())
    return insert_lines(text, _place_in_order(node, lines) or at, block)


def append_block(text: str, key: str, block: str) -> str | None:
    """As append_items, for the list that we write ourselves, which may grow by thousands.

    Only the block is parsed; None where the list at the top-level key looks any other way.
    """
    place = find_below(text, key)
    if place is None or text.count(f"\n{key}:") != 1 or not _is_one_item(block):
        return None
    body = text[place].rstrip("\n")
    if not body.startswith("  - ") or _OTHERWISE.search(body):
        return None
    return f"{text[: place.start]}{body}\n{block}\n{text[place.start + len(body) + 1 :]}"


def find_below(text: str, key: str) -> slice | None:
    """The lines below a top-level key that stands alone on its line; nothing is parsed."""
    at = text.find(f"\n{key}:\n")
    if at < 0:
        return None
    start = at + len(f"\n{key}:\n")
    following = _TOP_LEVEL.search(text, start)
    return slice(start, following.start() if following else len(text))


def _is_one_item(block: str) -> bool:
    try:
        return block.startswith("  - ") and len(items(compose(block))) == 1
    except NotEditable:
        return False


def replace_scalar(text: str, path: Path, *, new: str) -> str:
    """Put `new`, as YAML source, where the scalar at the path stands."""
    node = find_node(text, path)
    if not isinstance(node, yaml.ScalarNode) or node.style in {"|", ">"}:
        raise NotEditable("the value is not a scalar of one line")
    return text[: node.start_mark.index] + new + text[node.end_mark.index :]


def remove_item(text: str, path: Path, *, value: str) -> str:
    """Take the item with this text out of a block sequence, with its line."""
    node = find_node(text, path)
    found = [item for item in items(node) if text_of(item) == value]
    if len(found) != 1 or not isinstance(node, yaml.SequenceNode) or node.flow_style:
        raise NotEditable("the item does not stand once on a line of its own")
    if len(node.value) == 1:
        raise NotEditable("the list would be empty")
    lines = text.splitlines(keepends=True)
    del lines[found[0].start_mark.line]
    return "".join(lines)


def append_top_level(text: str, block: str) -> str:
    """Add a block at the end of the document, with one empty line before it."""
    body = text.rstrip("\n")
    if not body.strip():
        return f"---\n{block}"
    gap = "\n" if body.strip() == "---" else "\n\n"
    return f"{body}{gap}{block}"


def insert_lines(text: str, line: int, block: str) -> str:
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return "".join([*lines[:line], block, *lines[line:]])


def last_line(text: str, node: Node) -> int:
    """The last line of a node, without the comments and empty lines that follow it."""
    while isinstance(node, (yaml.MappingNode, yaml.SequenceNode)) and not node.flow_style:
        if not node.value:
            break
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    mark = node.end_mark
    line = mark.line - 1 if mark.column == 0 and mark.line > node.start_mark.line else mark.line
    lines = text.split("\n")
    while line > node.start_mark.line and not lines[min(line, len(lines) - 1)].strip():
        line -= 1
    return line


def load_plain(text: str) -> Any:
    """The data, with the text of tagged scalars, for comparing; NotEditable where unreadable."""
    return _plain(compose(text))


def _plain(node: Node | None) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return (node.tag, node.value) if isinstance(node, yaml.ScalarNode) else None


def _child(node: Node | None, part: str | int) -> Node | None:
    if isinstance(part, int):
        found = items(node)
        return found[part] if part < len(found) else None
    return next((value for key, value in reversed(entries(node)) if key == part), None)


def _place_in_order(node: yaml.SequenceNode, lines: str) -> int | None:
    """The line of the first greater item, where the team keeps single words in order."""
    words = [text_of(item) for item in node.value]
    new = lines.strip().removeprefix("- ")
    known = [word for word in words if word is not None]
    if len(known) < 3 or len(known) != len(words) or known != sorted(known) or "\n" in new:
        return None
    greater = [item for item, word in zip(node.value, known, strict=True) if word > new]
    return greater[0].start_mark.line if greater and not new.startswith("!") else None


def _append_to_flow(text: str, node: yaml.SequenceNode, *, lines: str) -> str:
    if not node.flow_style or node.start_mark.line != node.end_mark.line or "\n" in lines.strip():
        raise NotEditable("the list is not written in a form that one item can be added to")
    item = lines.strip().removeprefix("- ")
    close = node.end_mark.index - 1
    comma = ", " if node.value else ""
    return f"{text[:close].rstrip()}{comma}{item}{text[close:]}"


def _line_at(text: str, index: int) -> str:
    start = text.rfind("\n", 0, index) + 1
    end = text.find("\n", index)
    return text[start : end if end >= 0 else len(text)]
