"""Lines of directories, as a server sends them, into file facts in the order of `Fact.order`."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from releve.model.observed import Fact, FactKind
from releve.scan.framing import read_list
from releve.scan.malformed import malformed
from releve.scan.request import ScanBounds

_TYPES: Final = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
}
_ATTRIBUTES: Final = frozenset(("target", "device", "acl", "capabilities", "xattrs", "flags"))
_EVIDENCE: Final = frozenset(("conffile", "parsed", "unread"))
_MODES: Final = tuple(f"{mode:04o}" for mode in range(0o10000))
_WALKED: Final = "+"
_MOST: Final = 1 << 63


@dataclass
class _Directory:
    prefix: str | None  # None: the line that holds nothing but the root itself
    entries: Iterator[Any]
    more: bool
    last: str = ""


class Tree:
    """`is_cut` where the lines may end before the tree does."""

    def __init__(self, lines: Iterator[bytes], *, is_cut: bool, bounds: ScanBounds) -> None:
        self._lines = lines
        self._is_cut = is_cut
        self._bounds = bounds
        self._records = 0

    def facts(self) -> Iterator[Fact]:
        """CommandFailed where the lines are no tree in order."""
        first = self._next_line(None)
        stack = [first] if first else []
        while stack:
            directory = stack[-1]
            entry = next(directory.entries, None)
            if entry is not None:
                fact, is_walked = self._read_entry(directory, entry)
                yield fact
                following = self._next_line(_prefix_of(fact.key)) if is_walked else None
            elif directory.more:
                stack.pop()
                following = self._next_line(directory.prefix, last=directory.last)
                is_walked = True
            else:
                stack.pop()
                continue
            if following:
                stack.append(following)
            elif is_walked:
                return
        if next(self._lines, None) is not None:
            raise malformed("there is a line after the end of the tree")

    def _next_line(self, prefix: str | None, *, last: str = "") -> _Directory | None:
        line = next(self._lines, None)
        if line is None:
            if self._is_cut:
                return None
            raise malformed("the tree of files ends too early")
        value = _read_line(line)
        if value[1] != prefix:
            raise malformed("a directory is out of order or there twice", text=str(value[1]))
        self._records += len(value[4])
        if self._records > self._bounds.records:
            raise malformed(f"there are more than {self._bounds.records} paths")
        return _Directory(prefix, iter(value[4]), bool(value[3]), last)

    def _read_entry(self, directory: _Directory, entry: Any) -> tuple[Fact, bool]:
        if type(entry) is not list or not 2 <= len(entry) <= 9:
            raise malformed("a path has the wrong number of parts")
        parts = entry + _DEFAULTS[len(entry) :]
        name = parts[0]
        if list(map(type, parts)) != _SHAPE:
            raise malformed("a path holds something of the wrong type", text=str(name)[:200])
        if max(map(len, (parts[2], parts[3], parts[6], parts[7]))) > self._bounds.key_bytes:
            raise malformed("a path has an attribute that is too long", text=name)
        key = self._check_name(directory, name)
        fact = self._make_fact(key, parts)
        return fact, parts[6] == _WALKED

    def _check_name(self, directory: _Directory, name: str) -> str:
        if directory.prefix is None:
            if name != "/" or directory.last:
                raise malformed("the tree of files does not begin at its root", text=name)
            directory.last = name
            return name
        if name <= directory.last or name in {".", ".."} or "/" in name or "\0" in name:
            raise malformed("a name is out of order, there twice, or none", text=name)
        directory.last = name
        key = f"{directory.prefix}/{name}"
        if len(key) > self._bounds.key_bytes:
            raise malformed("a path is too long", text=key)
        return key

    def _make_fact(self, key: str, parts: list[Any]) -> Fact:
        _, mode, owner, group, changed, size, content, package, more = parts
        kind = _TYPES.get(mode & 0o170000)
        if kind is None or not (0 <= mode <= 0o177777 and 0 <= size < _MOST > abs(changed)):
            raise malformed("a path is of no known type, size or time", text=key)
        if "closed" in more:
            return Fact(FactKind.FILE, key, {"type": kind})
        attributes = {"type": kind, "owner": owner, "group": group}
        if kind != "link":
            attributes["mode"] = _MODES[mode & 0o7777]
        if content and content != _WALKED:
            attributes["content"] = content
        evidence = {"mtime": str(changed)}
        if package:
            evidence["package"] = package
        if kind == "file":
            evidence["size"] = str(size)
        if more:
            self._add_more(more, attributes, evidence)
        return Fact(FactKind.FILE, key, attributes, evidence)

    def _add_more(
        self, more: dict[str, Any], attributes: dict[str, str], evidence: dict[str, str]
    ) -> None:
        for name, value in more.items():
            if type(value) is not str or len(value) > self._bounds.value_bytes:
                raise malformed("an attribute of a path is no short text", text=name)
            if name in _ATTRIBUTES:
                attributes[name] = value
            elif name in _EVIDENCE:
                evidence[name] = value
            else:
                raise malformed("a path has an unknown attribute", text=name)


_DEFAULTS: Final[list[Any]] = ["", 0, "", "", 0, 0, "", "", {}]
_SHAPE: Final[list[type]] = [str, int, str, str, int, int, str, str, dict]


def _prefix_of(key: str) -> str:
    return "" if key == "/" else key


def _read_line(line: bytes) -> list[Any]:
    """`["d", prefix, fingerprint, more, entries]`; the first one has no prefix."""
    if line.startswith(_ROOT):
        return read_list(line, type(None), str, int, list)
    return read_list(line, str, str, int, list)


_ROOT: Final = b'["d",null,'
