"""F01 to F05: the controller is killed with SIGKILL at an instant of each step, and resumes."""

from pathlib import Path

import pytest

from releve.model.run import EventKind, JournalEvent
from tests.crash.harness import Kill, Life, live_once
from tests.matrix.cells import Cell, read_cells
from tests.matrix.controller import Controller, make_run
from tests.matrix.lives import live, point_of
from tests.matrix.play import Played, require_done, require_order


def cells(*columns: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("cell", read_cells(*columns), ids=lambda cell: cell.name)


def kill_once(directory: Path, cell: Cell) -> Life:
    life = live_once(live, directory, kill=Kill(point_of(cell)))
    assert life.killed, f"{point_of(cell)} was never passed"
    return life


def live_on(directory: Path) -> Controller:
    """The life that is not killed; every effect of all lives together was made once."""
    assert live_once(live, directory).ending == "DONE"
    controller = Controller(directory)
    record = controller.journal.read_run(controller.run.run_id)
    require_order(controller, record)
    require_done(Played(controller, record))
    return controller


def told(controller: Controller, step: str) -> list[JournalEvent]:
    return [event for event in controller.events() if event.step == step]


def count_done(controller: Controller, step: str) -> int:
    return sum(event.kind is EventKind.DONE for event in told(controller, step))


@cells("F01", "F02", "F03")
def test_killed_before_the_step_is_recorded(cell: Cell, tmp_path: Path) -> None:
    make_run(tmp_path)
    kill_once(tmp_path, cell)
    before = Controller(tmp_path)
    intents = {event.kind for event in told(before, cell.subject.step)}
    assert (EventKind.INTENT in intents) == (cell.fault != "F01" and not cell.subject.only_looks)
    assert not count_done(before, cell.subject.step)
    assert count_done(live_on(tmp_path), cell.subject.step) == 1


@cells("F04")
def test_killed_after_the_step_is_recorded(cell: Cell, tmp_path: Path) -> None:
    make_run(tmp_path)
    kill_once(tmp_path, cell)
    before = told(Controller(tmp_path), cell.subject.step)
    assert told(live_on(tmp_path), cell.subject.step) == before, "it was run again"


@cells("F05")
def test_killed_twice_at_the_same_point(cell: Cell, tmp_path: Path) -> None:
    make_run(tmp_path)
    kill_once(tmp_path, cell)
    kill_once(tmp_path, cell)
    assert count_done(live_on(tmp_path), cell.subject.step) == 1
