"""F27, F28: the controller's own disk is full or broken in a step; the run outlives its process."""

import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from releve.errors import JournalError
from releve.model.run import RunState
from tests.matrix.cells import Cell, read_cells
from tests.matrix.controller import Controller, make_run
from tests.matrix.play import Played, require_done, require_order

Break = Callable[[], None]


def cells(*columns: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("cell", read_cells(*columns), ids=lambda cell: cell.name)


def drive_until_it_breaks(directory: Path, step: str, break_it: Break) -> None:
    """What ends the process is a JournalError and nothing else; the command line exits by it."""
    struck = False

    def strike(name: str, instant: str) -> None:
        nonlocal struck
        if (name, instant) == (step, "before_intent") and not struck:
            struck = True
            break_it()

    with pytest.raises(JournalError) as caught:
        Controller(directory, strike=strike).drive()
    assert struck
    assert caught.value.exit_code == 75
    assert "resume" in caught.value.remedy


def require_resumable(directory: Path) -> None:
    """The run was left PENDING, and goes on to the same end as if nothing had been."""
    controller = Controller(directory)
    assert controller.journal.read_run(controller.run.run_id).state is RunState.PENDING
    earlier = controller.events()
    record = controller.drive()
    assert controller.events()[: len(earlier)] == earlier
    require_order(controller, record)
    require_done(Played(controller, record))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "state").mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(tmp_path / "state")]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs here, so NO full disk was tried: run as root")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path / "state")], check=True)


@cells("F27")
def test_a_full_disk_ends_the_process_and_the_run_resumes(cell: Cell, small_disk: Path) -> None:
    ballast = small_disk / "state" / "ballast"

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:  # other threads of the run take room meanwhile
                file.write(bytes(4096))

    make_run(small_disk)
    drive_until_it_breaks(small_disk, cell.subject.step, fill)
    ballast.unlink()
    require_resumable(small_disk)


@contextmanager
def failing_writes(words: str) -> Iterator[Break]:
    """From the break on, no statement that writes comes through, in any database of the state."""
    is_broken = False

    def refuse(_cursor: Any, statement: str, _parameters: Any, _context: Any) -> None:
        if is_broken and statement.split(None, 1)[0].upper() in {"INSERT", "UPDATE", "DELETE"}:
            raise sqlite3.OperationalError(words)

    def break_it() -> None:
        nonlocal is_broken
        is_broken = True

    sa.event.listen(sa.Engine, "do_execute", refuse)
    try:
        yield break_it
    finally:
        sa.event.remove(sa.Engine, "do_execute", refuse)


@cells("F28")
@pytest.mark.parametrize("words", ["disk I/O error", "attempt to write a readonly database"])
def test_a_broken_disk_ends_the_process_and_the_run_resumes(
    cell: Cell, words: str, tmp_path: Path
) -> None:
    make_run(tmp_path)
    with failing_writes(words) as break_it:
        drive_until_it_breaks(tmp_path, cell.subject.step, break_it)
    require_resumable(tmp_path)
