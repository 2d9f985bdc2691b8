"""What lies on the disk, and what happens when the disk does not take it."""

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from releve.adapters.store import open_store
from releve.errors import JournalError, PlanError
from releve.lab.settings import LabSettings
from releve.model.run import EventKind, JournalEvent
from releve.ports.journal import Journal
from releve.workflow.state_file import find_state_directory
from tests.fakes.clock import RealClock
from tests.workflow.toy import toy_run


def note(text: str) -> JournalEvent:
    return JournalEvent("toyrun", "fence", EventKind.NOTE, RealClock().now(), text)


def test_only_the_owner_reads_the_state(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state"
    journal, lease = open_store(state)
    journal.open_run(toy_run())
    lease.hold(["run toyrun"])
    paths = [state, *state.rglob("*")]
    assert {path.name for path in paths} >= {"journal.db", "journal.db-wal", "leases"}
    for path in paths:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path} has {mode:o}"


def test_the_journal_is_in_wal_mode_and_syncs_each_commit(tmp_path: Path) -> None:
    journal, _ = open_store(tmp_path)
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    assert journal._database.engine.connect().exec_driver_sql("pragma synchronous").scalar() == 2  # type: ignore[attr-defined] # of the implementation


def test_a_link_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").touch()
    (tmp_path / "journal.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError):
        open_store(tmp_path)


def test_a_journal_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path)
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.execute("update releve_schema set version = 99")
    with pytest.raises(JournalError, match="version 99") as caught:
        open_store(tmp_path)
    assert "newer" in caught.value.remedy


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_text("not a database, " * 100)
    with pytest.raises(JournalError, match=r"not a database"):
        open_store(tmp_path)


@pytest.mark.parametrize("url", ["mysql://root@127.0.0.1/x", "nonsense", "sqlite:///x"])
def test_a_url_of_something_else_is_a_plan_error(tmp_path: Path, url: str) -> None:
    with pytest.raises(PlanError, match="not one of PostgreSQL"):
        open_store(tmp_path, url)


def test_a_server_that_is_not_there_is_a_journal_error(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be opened"):
        open_store(tmp_path, "postgresql://postgres@127.0.0.1:1/releve")


def test_reading_runs_does_not_load_the_engine(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from releve.adapters.store import open_store;"
        f"open_store(Path({str(tmp_path)!r}))[0].list_runs();"
        "print('dbos' in sys.modules, 'psycopg' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert answer.stdout == b"False False\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB that can be filled and made read-only for real."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs: run as root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(journal: Journal) -> int:
    """How many events it took until the disk was full."""
    for number in range(100_000):
        try:
            journal.append(note("x" * 4_000))
        except JournalError:
            return number
    raise AssertionError("the disk does not fill")


@pytest.mark.real
def test_a_full_disk_is_a_journal_error_and_loses_nothing(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * 300_000)
    journal, _ = open_store(small_disk)
    journal.open_run(toy_run())
    written = fill(journal)
    assert written > 10
    assert len(journal.read_events("toyrun")) == written
    (small_disk / "ballast").unlink()
    journal.append(note("there is room again"))
    assert len(journal.read_events("toyrun")) == written + 1


@pytest.mark.real
def test_a_read_only_disk_is_a_journal_error(small_disk: Path) -> None:
    journal, _ = open_store(small_disk)
    journal.open_run(toy_run())
    journal._database.engine.dispose()  # type: ignore[attr-defined] # a busy file system cannot be remounted
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(JournalError, match="cannot be read or written"):
        journal.append(note("nobody will read this"))
    with pytest.raises(JournalError, match="cannot be written"):
        open_store(small_disk)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    journal.append(note("writable again"))
    assert [one.text for one in journal.read_events("toyrun")] == ["writable again"]


def test_a_lock_held_for_a_while_is_waited_out(tmp_path: Path) -> None:
    journal, _ = open_store(tmp_path)
    journal.open_run(toy_run())
    program = (
        "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('begin exclusive'); print('locked', flush=True); time.sleep(6)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "journal.db")], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        journal.append(note("after the lock"))
    assert [one.text for one in journal.read_events("toyrun")] == ["after the lock"]


def test_opening_it_again_keeps_the_locks_of_an_open_journal(tmp_path: Path) -> None:
    """Closing any descriptor of a file drops all POSIX locks that its process has on it.

    Another process would then take itself for the last user, and delete the log under us.
    """
    first, _ = open_store(tmp_path)
    first.open_run(toy_run())
    write_ahead_log = tmp_path / "journal.db-wal"
    inode = write_ahead_log.stat().st_ino
    open_store(tmp_path)
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2])"
    query = "select count(*) from releve_run"
    command = [sys.executable, "-c", f"{program}; c.close()", str(tmp_path / "journal.db"), query]
    subprocess.run(command, check=True)
    assert write_ahead_log.stat().st_ino == inode
    first.append(note("still there"))
    assert len(open_store(tmp_path)[0].read_events("toyrun")) == 1


def test_one_place_for_the_state_of_runs_and_of_labs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RELEVE_STATE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert find_state_directory() == tmp_path / "releve"
    assert LabSettings("one").directory == tmp_path / "releve" / "lab" / "one"
    monkeypatch.setenv("RELEVE_STATE", str(tmp_path / "own"))
    assert LabSettings("one").directory == tmp_path / "own" / "lab" / "one"
