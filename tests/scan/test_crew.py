"""Several processes walk one tree, and what they say is what one of them would have said."""

# mypy: disable-error-code="no-untyped-call"
# the collector carries no annotations: it must run on Python 3.6

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from releve.errors import CommandFailed
from releve.model.observed import Fact, FactKind
from releve.scan.collector.crew import Crew, Desk
from releve.scan.request import ScanRequest
from releve.scan.scan import scan_host
from tests.scan.dead_root import make_root, write
from tests.scan.local_access import DOOR, LocalAccess, require_root

MANY = 40
LONG_PATH = 32 << 10  # so that a few of them are all that a socket holds
LARGE = "x" * 300_000  # more than a pipe holds, several times over


class Lines:
    """The first process's own output."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def say_line(self, line: bytes) -> None:
        self.lines.append(line)

    def stay_awake(self) -> None:
        """Nobody waits here."""


def test_a_tree_is_the_same_by_one_process_and_by_several(tmp_path: Path) -> None:
    require_root()
    root = make_root(tmp_path / "root")
    for number in range(MANY):
        for depth in range(4):
            below = "/".join(["deep"] * depth)
            write(root / f"usr/share/app-{number:02}/{below}/file", f"{number} {depth}")
    (root / "usr/share/app-07/link").symlink_to("/etc")
    write(root / "usr/share/app-08/large", "y" * 3_000_000)
    for place in ("headers-1/arch", "headers-1/include/linux", "headers-2/include", "headers-2.c"):
        write(root / f"usr/src/{place}/file", place)

    by_one = files_of(root, processors={min(os.sched_getaffinity(0))})
    by_several = files_of(root, processors=os.sched_getaffinity(0))

    assert by_one == by_several
    assert sum("/share/app-" in fact.key for fact in by_one) > MANY * 5
    assert sum("/usr/src/" in fact.key for fact in by_one) == 11


def test_what_members_find_is_said_in_the_order_of_the_subtrees() -> None:
    def employ(desk: Desk) -> Callable[[bytes, Any], int]:
        def walk_subtree(path: bytes, unread: Any) -> int:
            desk.say([path.decode(), unread, LARGE if path.endswith(b"3") else ""])
            return 7

        return walk_subtree

    output = Lines()
    crew = Crew(3, employ)
    count = 0
    waiting = 0
    for number in range(MANY):
        while not crew.give(b"/a/b/%d" % number, {"unread": "noise"} if number % 2 else None):
            count += crew.say_next(output)
            waiting -= 1
        waiting += 1
    for _ in range(waiting):
        count += crew.say_next(output)

    said = b"".join(output.lines).decode().splitlines()
    assert [line.split(",")[0] for line in said] == [f'["/a/b/{n}"' for n in range(MANY)]
    assert [line.split(",")[1] for line in said[:2]] == ["null", '{"unread":"noise"}']
    assert count == MANY * 7


def test_a_crew_that_is_not_listening_takes_no_more_than_fits() -> None:
    """Nobody may wait for a member who waits for room himself."""
    start, started = os.pipe()

    def employ(desk: Desk) -> Callable[[bytes, Any], int]:
        os.read(start, 1)

        def walk_subtree(path: bytes, unread: Any) -> int:
            desk.say([len(path), unread])
            return 1

        return walk_subtree

    crew = Crew(1, employ)
    given = 0
    while crew.give(b"/" + b"n" * LONG_PATH, None):
        given += 1
    assert 1 < given < MANY
    os.write(started, b"1")
    assert sum(crew.say_next(Lines()) for _ in range(given)) == given
    assert crew.give(b"/a/b/c", None)


def test_a_member_that_dies_leaves_no_walk_that_looks_whole() -> None:
    def employ(_desk: Desk) -> Callable[[bytes, Any], int]:
        def walk_subtree(path: bytes, unread: Any) -> int:
            del path, unread
            os._exit(9)

        return walk_subtree

    crew = Crew(1, employ)
    crew.give(b"/a/b/c", None)
    with pytest.raises(EOFError):
        crew.say_next(Lines())


def test_a_directory_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    """The parent was read as a directory; by the time a member gets there it leads elsewhere."""
    require_root()
    root = make_root(tmp_path / "root")
    secret = tmp_path / "elsewhere"
    write(secret / "inside/kept", "not of this root")
    write(root / "srv/a/b/c/file", "here")
    (root / "srv/a/b/out").symlink_to(secret)

    keys = {fact.key for fact in files_of(root, processors=os.sched_getaffinity(0))}

    assert "/srv/a/b/out" in keys
    assert "/srv/a/b/c/file" in keys
    assert not any("kept" in key for key in keys)


def files_of(root: Path, *, processors: set[int]) -> list[Fact]:
    """Children inherit the processors."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        found = scan_host(LocalAccess(), DOOR, ScanRequest(b"s" * 32, root=str(root)))
        return [fact for fact in found if fact.kind in {FactKind.FILE, FactKind.EXCLUSION}]
    except CommandFailed as error:
        pytest.fail(str(error))
    finally:
        os.sched_setaffinity(0, before)
