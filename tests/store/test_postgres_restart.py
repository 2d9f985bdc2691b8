"""PostgreSQL goes away and comes back under a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from releve.adapters.store import open_store
from releve.errors import RunHeld
from releve.model.run import EventKind, JournalEvent
from tests.fakes.clock import RealClock
from tests.postgres import PostgresServer
from tests.workflow.toy import toy_run

pytestmark = pytest.mark.real


@contextmanager
def down_for(postgres: PostgresServer, seconds: float) -> Iterator[None]:
    """Down when the block begins, back when it has ended."""
    coming_back = postgres.restart_slowly(seconds)
    try:
        yield
    finally:
        coming_back.join()


def test_the_journal_waits_and_goes_on(postgres: PostgresServer, tmp_path: Path) -> None:
    journal, _ = open_store(tmp_path, postgres.new_database())
    journal.open_run(toy_run())
    with down_for(postgres, seconds=1.5):
        for number in range(3):
            at = RealClock().now()
            journal.append(JournalEvent("toyrun", "fence", EventKind.NOTE, at, str(number)))
    assert [event.text for event in journal.read_events("toyrun")] == ["0", "1", "2"]


def test_a_lease_that_nobody_took_meanwhile_is_kept(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.new_database()
    mine, other = open_store(tmp_path, url)[1], open_store(tmp_path, url)[1]
    mine.hold(["run r1", "host blog"])
    with down_for(postgres, seconds=1.5):
        mine.verify()
    assert other.is_held("run r1")
    with pytest.raises(RunHeld):
        other.hold(["host blog"])
    mine.release()
    assert not other.is_held("run r1")


def test_a_lease_that_somebody_took_meanwhile_is_lost(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.new_database()
    mine, other = open_store(tmp_path, url)[1], open_store(tmp_path, url)[1]
    mine.hold(["run r1"])
    with down_for(postgres, seconds=0.5):
        pass
    other.hold(["run r1"])
    other.release()  # had it, acted, and went away again
    with pytest.raises(RunHeld):
        mine.verify()
