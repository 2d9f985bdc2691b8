"""One holder per name, freed by the system when its process dies."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from releve.adapters.store import open_store
from releve.errors import RunHeld
from releve.ports.journal import Lease

RUN, HOST = "run r123", "host blog"
_context = multiprocessing.get_context("forkserver")

NewLease = Callable[[], Lease]


@pytest.fixture(params=["file", pytest.param("postgresql", marks=pytest.mark.real)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A state directory and a database URL."""
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    return tmp_path / "state", url


@pytest.fixture
def new_lease(place: tuple[Path, str]) -> Iterator[NewLease]:
    made: list[Lease] = []

    def make() -> Lease:
        made.append(open_store(*place)[1])
        return made[-1]

    yield make
    for lease in made:
        lease.release()


def test_a_name_has_one_holder(new_lease: NewLease) -> None:
    mine, other = new_lease(), new_lease()
    mine.hold([RUN, HOST])
    with pytest.raises(RunHeld, match="host blog") as caught:
        other.hold([HOST])
    assert caught.value.remedy
    mine.release()
    other.hold([HOST])
    other.verify()


def test_all_names_are_taken_or_none(new_lease: NewLease) -> None:
    mine, other, third = new_lease(), new_lease(), new_lease()
    mine.hold([RUN])
    with pytest.raises(RunHeld):
        other.hold([HOST, RUN])
    third.hold([HOST])


def test_holding_again_what_is_ours_changes_nothing(new_lease: NewLease) -> None:
    mine = new_lease()
    mine.hold([RUN])
    mine.hold([RUN, HOST])
    mine.verify()
    assert mine.is_held(HOST)


def test_anybody_sees_whether_a_name_is_held(new_lease: NewLease) -> None:
    mine, other = new_lease(), new_lease()
    assert not other.is_held(RUN)
    mine.hold([RUN])
    assert mine.is_held(RUN)
    assert other.is_held(RUN)
    assert not other.is_held(HOST)
    mine.release()
    assert not other.is_held(RUN)


def test_asking_does_not_keep_others_from_holding(new_lease: NewLease) -> None:
    mine, other = new_lease(), new_lease()
    for _ in range(50):
        other.is_held(RUN)
        mine.hold([RUN])
        mine.release()


def test_a_lease_that_holds_nothing_verifies(new_lease: NewLease) -> None:
    lease = new_lease()
    lease.verify()
    lease.release()


@pytest.mark.parametrize("name", ["../../etc/passwd", "host " + "x" * 500, "é\n\0", "run a/b"])
def test_any_name_can_be_held(new_lease: NewLease, tmp_path: Path, name: str) -> None:
    mine, other = new_lease(), new_lease()
    mine.hold([name])
    assert other.is_held(name)
    assert not other.is_held(name + "'")
    lease_files = {path for path in tmp_path.rglob("*") if path.parent.name == "leases"}
    assert lease_files == set((tmp_path / "state" / "leases").glob("*"))


def hold_until_killed(place: tuple[Path, str], ready: Path) -> None:
    lease = open_store(*place)[1]
    lease.hold([RUN, HOST])
    ready.write_text("held")
    time.sleep(60)


def test_a_killed_holder_holds_nothing(place: tuple[Path, str], new_lease: NewLease) -> None:
    ready = place[0].parent / "ready"
    holder = _context.Process(target=hold_until_killed, args=(place, ready))
    holder.start()
    while not ready.exists():
        time.sleep(0.01)
    mine = new_lease()
    with pytest.raises(RunHeld):
        mine.hold([RUN])
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    _within_seconds(5, lambda: not mine.is_held(RUN))
    mine.hold([RUN, HOST])
    mine.verify()


def test_a_deleted_lease_file_is_a_lost_lease(tmp_path: Path) -> None:
    lease = open_store(tmp_path)[1]
    lease.hold([RUN])
    for path in (tmp_path / "leases").iterdir():
        path.unlink()
    with pytest.raises(RunHeld, match="was lost"):
        lease.verify()


def test_a_replaced_lease_file_is_a_lost_lease(tmp_path: Path) -> None:
    first, second = open_store(tmp_path)[1], open_store(tmp_path)[1]
    first.hold([RUN])
    (path,) = (tmp_path / "leases").iterdir()
    path.unlink()
    second.hold([RUN])
    with pytest.raises(RunHeld):
        first.verify()
    second.verify()


def _within_seconds(seconds: float, holds: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_was_released_can_be_held_at_once(new_lease: NewLease) -> None:
    for _ in range(20):
        lease = new_lease()
        lease.hold([RUN, HOST])
        lease.release()
