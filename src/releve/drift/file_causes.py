"""Which cause a differing file has: a stream of files in, the same files with causes out.

A directory that one side lacks stands for all that is in it, so its files wait until it is known
whether a package put them there. No more than a bounded number of them is ever held.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from releve.drift.circumstances import ALL_VERSIONS, DATA, LITTER, Cause, Circumstances, fact_of
from releve.drift.file_places import find_place, package_of
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import FactKind

Assigned = tuple[Deviation, Cause]

_MOST_WAITING: Final = 4000
_WHOSE: Final = frozenset({"owner", "group", "mode", "acl"})
_LONE: Final = (DeviationStatus.EXTRA, DeviationStatus.MISSING)
_SKELETON: Final = frozenset({".bashrc", ".profile", ".bash_logout", ".zshrc", ".kshrc"})
_BY_HAND: Final = ("/etc/", "/opt/", "/srv/", "/home/", "/root/", "/usr/local/", "/var/www/")
_SHARED: Final = ("/usr/local/lib", "/usr/lib", "/var/lib")
_LITTER: Final = re.compile(
    r""".*(?: ~ | [.](?:bak|orig|old|save|sav|backup|bkp|rej|swp|swo)(?:[-._]?\d[\w.-]*)?
    | [.](?:bak|backup|old|orig)[-._][\w.-]* | [._](?:bak|old)|-bak
    | [.](?:dpkg|ucf)-[a-z]+ | [.](?:19|20)\d\d-?\d\d-?\d\d[\w.-]* | [.]rpm(?:save|new|orig)
    )\Z | \A\#.*\#\Z | \A[.]\#.*""",
    re.VERBOSE | re.DOTALL,
)
_TRACES: Final = frozenset({"known_hosts", "known_hosts.old", "dead.letter", "nohup.out"})


def assign_files(deviations: Iterable[Deviation], known: Circumstances) -> Iterator[Assigned]:
    """In the order of the stream, but that a new directory follows its first few thousand files."""
    tree, changed = _Tree(known), _Changed()
    for deviation in deviations:
        if tree.holds(deviation):
            yield from tree.add(deviation)
            continue
        yield from tree.close()
        if deviation.status in _LONE and _is_directory(deviation):
            tree.open(deviation)
        else:
            yield deviation, changed.root_of(deviation) or _choose_lone(deviation, known)
    yield from tree.close()


def is_litter(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name in _TRACES or _LITTER.match(name) is not None


def _is_directory(deviation: Deviation) -> bool:
    return fact_of(deviation).attributes.get("type") == "directory"


def _choose_lone(deviation: Deviation, known: Circumstances) -> Cause:
    cause = find_place(deviation, known)
    if cause is not None:
        return cause
    if deviation.status is DeviationStatus.EXTRA and is_litter(deviation.key):
        return Cause(FactKind.FILE, "/" + deviation.key.split("/")[1], LITTER)
    return Cause(FactKind.FILE, deviation.key)


class _Changed:
    """A directory whose owner or mode was changed with all that is in it."""

    def __init__(self) -> None:
        self._root: Deviation | None = None

    def root_of(self, deviation: Deviation) -> Cause | None:
        if deviation.status is not DeviationStatus.MODIFIED:
            return None
        root = self._root
        if root is None or not deviation.key.startswith(root.key.rstrip("/") + "/"):
            is_root = _is_directory(deviation) and set(deviation.attributes) <= _WHOSE
            self._root = deviation if is_root else None
            return None
        same = set(deviation.attributes) <= set(root.attributes) & _WHOSE and all(
            fact_of(deviation).attributes.get(name) == fact_of(root).attributes.get(name)
            for name in deviation.attributes
            if name != "mode"
        )
        return Cause(FactKind.FILE, root.key) if same else None


class _Tree:
    """What lies below one directory that one side lacks."""

    def __init__(self, known: Circumstances) -> None:
        self._known = known
        self._root: Deviation | None = None
        self._waiting: list[Deviation] = []
        self._cause: Cause | None = None  # decided before the end, where too many wait

    def open(self, root: Deviation) -> None:
        self._root, self._waiting, self._cause = root, [root], None

    def holds(self, deviation: Deviation) -> bool:
        root = self._root
        if root is None or deviation.status is not root.status:
            return False
        return deviation.key.startswith(root.key.rstrip("/") + "/")

    def add(self, deviation: Deviation) -> Iterator[Assigned]:
        if self._cause is not None:
            yield deviation, self._choose(deviation, self._cause)
            return
        self._waiting.append(deviation)
        if len(self._waiting) >= _MOST_WAITING:
            yield from self._decide()

    def close(self) -> Iterator[Assigned]:
        if self._root is not None and self._cause is None:
            yield from self._decide()
        self._root = None

    def _decide(self) -> Iterator[Assigned]:
        if self._root is None:
            return
        self._cause = self._cause_of_root(self._root)
        for deviation in self._waiting:
            yield deviation, self._choose(deviation, self._cause)
        self._waiting = []

    def _cause_of_root(self, root: Deviation) -> Cause:
        known = self._known
        if root.key in known.homes:
            return known.homes[root.key]
        placed = find_place(root, known) or self._cause_of_placed(root.key)
        if placed is not None:
            return placed
        special: list[Cause] = []
        for deviation in self._waiting[1:]:
            if package_of(deviation) in known.packages:
                return known.packages[package_of(deviation)]
            if not _is_directory(deviation):
                found = find_place(deviation, known)
                special += [found] if found and found.kind is not FactKind.CERTIFICATE else [_PLAIN]
        if special and _PLAIN not in special:
            return special[0]
        return self._guess_package(root) or Cause(FactKind.FILE, root.key)

    def _cause_of_placed(self, root: str) -> Cause | None:
        """A shared directory that the first package of npm or gem has made; a checkout within."""
        for place in sorted(self._known.places):
            if place == root or (place.startswith(root + "/") and root.startswith(_SHARED)):
                return self._known.places[place][0]
        checkouts = [
            path for path in self._known.of(FactKind.CHECKOUT) if path.startswith(root + "/")
        ]
        return Cause(FactKind.CHECKOUT, checkouts[0]) if len(checkouts) == 1 else None

    def _guess_package(self, root: Deviation) -> Cause | None:
        """An empty directory named after a package that came along."""
        if len(self._waiting) > 1:
            return None
        name = root.key.rpartition("/")[2]
        package = self._known.packages_by_prefix.get(name, "")
        is_named_so = package == name or package.startswith(f"{name}-")
        return self._known.packages[package] if is_named_so and package else None

    def _choose(self, deviation: Deviation, cause: Cause) -> Cause:
        if cause.kind is FactKind.USER:
            return self._choose_in_home(deviation, cause)
        if cause.kind is FactKind.PACKAGE:
            return self._choose_in_package(deviation, cause)
        placed = find_place(deviation, self._known)
        if placed is None or placed.kind is FactKind.CERTIFICATE:
            return cause
        return placed

    def _choose_in_home(self, deviation: Deviation, cause: Cause) -> Cause:
        root = self._root.key if self._root is not None else ""
        name = deviation.key[len(root) + 1 :]
        if not name or name in _SKELETON:
            return cause
        placed = find_place(deviation, self._known)
        return placed or Cause(FactKind.FILE, root, DATA)

    def _choose_in_package(self, deviation: Deviation, cause: Cause) -> Cause:
        """What a new package made when it ran is its own; configuration may be a person's."""
        placed = find_place(deviation, self._known)
        if placed is not None or _is_directory(deviation) or cause == ALL_VERSIONS:
            return placed or cause
        if deviation.key.startswith(_BY_HAND):
            return _choose_lone(deviation, self._known)
        return cause


_PLAIN: Final = Cause(FactKind.FILE, "")
