"""F06 to F13, F15, F20: the provider's API fails on one step; the run waits, adopts or halts."""

from pathlib import Path
from typing import Any

import pytest

from releve.model.run import RunState
from tests.fakes.cloud_file import HistoryRow
from tests.fakes.faults import FOREVER, Fault, disarm_all
from tests.matrix.cells import Cell, read_cells
from tests.matrix.controller import Controller
from tests.matrix.play import (
    MakeFaults,
    Played,
    contents,
    count_effects,
    find_new,
    play,
    require_done,
    require_halted,
    require_undone,
    resume,
)

MOST_TRIES = 5
NOTHING = {"call": "add_offer", "arguments": {}}  # a foreign act that changes nothing


def faults(cell: Cell, kind: str, **more: Any) -> MakeFaults:
    """A fault on the call by which the step acts, or looks where it only looks."""

    def make(controller: Controller) -> list[Fault]:
        where = {"instance_id": find_new(controller)} if cell.row == "S09" else {}
        call = cell.subject.act or cell.subject.look
        return [Fault(call, kind, where=where, **more)]

    return make


def calls(played: Played, cell: Cell) -> list[HistoryRow]:
    call = cell.subject.act or cell.subject.look
    return [row for row in played.controller.cloud.history() if row.call == call]


def refused_calls(played: Played, cell: Cell) -> list[HistoryRow]:
    return [row for row in calls(played, cell) if row.outcome.startswith("refused")]


def cells(*columns: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("cell", read_cells(*columns), ids=lambda cell: cell.name)


@cells("F06", "F08")
def test_a_lost_reply_is_adopted(cell: Cell, tmp_path: Path) -> None:
    kind = "timeout_done" if cell.fault == "F06" else "reset_done"
    require_done(play(tmp_path / "once", cell.subject.step, faults(cell, kind)))


@cells("F06")
def test_a_lost_reply_to_what_the_lists_do_not_show_yet(cell: Cell, tmp_path: Path) -> None:
    hidden = faults(cell, "timeout_done", hide_seconds=30.0)
    require_done(play(tmp_path / "hidden", cell.subject.step, hidden))


@cells("F07")
def test_a_call_that_was_not_carried_out(cell: Cell, tmp_path: Path) -> None:
    step = cell.subject.step
    require_done(play(tmp_path / "once", step, faults(cell, "timeout_not_done")))
    halted = play(tmp_path / "ever", step, faults(cell, "timeout_not_done", times=FOREVER))
    require_halted(halted)
    assert len(refused_calls(halted, cell)) <= MOST_TRIES
    require_done(resume(halted))


@cells("F09")
def test_5xx(cell: Cell, tmp_path: Path) -> None:
    step = cell.subject.step
    played = play(tmp_path / "three", step, faults(cell, "http_5xx", times=3))
    if played.state is RunState.NEEDS_PERSON:  # an act is sent once more, not five times
        assert cell.subject.act
        played = resume(played)
    require_done(played)
    halted = play(tmp_path / "ever", step, faults(cell, "http_5xx", times=FOREVER))
    require_halted(halted)
    assert len(refused_calls(halted, cell)) <= MOST_TRIES
    require_done(resume(halted))


@cells("F10")
@pytest.mark.parametrize(("after", "least"), [(5.0, 5), (None, 0.2), (1e9, 100)])
def test_a_rate_limit_is_heeded_up_to_a_cap(
    cell: Cell, after: float | None, least: float, tmp_path: Path
) -> None:
    limited = faults(cell, "rate_limited", retry_after=after)
    played = play(tmp_path / "once", cell.subject.step, limited)
    require_done(played)
    limited_calls = [row for row in refused_calls(played, cell) if "limited" in row.outcome.lower()]
    (refused,) = limited_calls
    again = next(row.at for row in calls(played, cell) if is_next_try(row, refused))
    assert least - 0.01 <= again - refused.at < 1000


def is_next_try(row: HistoryRow, refused: HistoryRow) -> bool:
    """Of what was refused; its labels and its proof of what was seen may be newer."""
    about = ("instance_id", "volume_id", "reference")
    return row.seq > refused.seq and all(
        row.arguments.get(key) == refused.arguments.get(key) for key in about
    )


@cells("F10")
def test_rate_limits_without_end(cell: Cell, tmp_path: Path) -> None:
    ever = faults(cell, "rate_limited", retry_after=5.0, times=FOREVER)
    halted = play(tmp_path / "ever", cell.subject.step, ever)
    require_halted(halted)
    assert len(refused_calls(halted, cell)) <= MOST_TRIES


@cells("F11")
def test_busy_is_waited_out_and_never_forced(cell: Cell, tmp_path: Path) -> None:
    step = cell.subject.step
    require_done(play(tmp_path / "three", step, faults(cell, "busy", times=3)))
    halted = play(tmp_path / "ever", step, faults(cell, "busy", times=FOREVER))
    require_halted(halted)
    require_done(resume(halted))


@cells("F12")
def test_401_is_answered_once_then_left_to_a_person(cell: Cell, tmp_path: Path) -> None:
    step = cell.subject.step
    require_done(play(tmp_path / "once", step, faults(cell, "unauthorized")))
    halted = play(tmp_path / "ever", step, faults(cell, "unauthorized", times=FOREVER))
    require_halted(halted)
    refused = [row for row in refused_calls(halted, cell) if "Busy" not in row.outcome]
    assert len(refused) == 1, "a refusal is not tried again"
    require_done(resume(halted))


@cells("F13")
def test_403_halts_and_all_can_be_put_back(cell: Cell, tmp_path: Path) -> None:
    halted = play(tmp_path / "ever", cell.subject.step, faults(cell, "quota", times=FOREVER))
    require_halted(halted)
    before = contents(halted.controller)
    disarm_all(halted.controller.cloud.file)
    controller = Controller(halted.controller.directory)
    assert controller.cancel().state is RunState.UNDONE
    require_undone(controller)
    assert contents(controller) == before
    controller.world.oracle.assert_clean(controller.cloud)


@pytest.mark.parametrize("cell", ["S08-F13"])
def test_a_quota_that_is_used_up_is_seen_before_anything_is_touched(
    cell: str, tmp_path: Path
) -> None:
    del cell  # names the test

    def fill(controller: Controller) -> list[Fault]:
        controller.cloud.as_person("add_offer", quota={"instances": 1})
        return [Fault("get_image", "foreign_first", times=FOREVER, foreign=NOTHING)]

    halted = play(tmp_path / "full", "preconditions", fill)
    require_halted(halted)
    assert "quota of instances" in halted.record.next_action
    assert not count_effects(halted.controller)


@cells("F15")
def test_what_lists_show_late_is_adopted(cell: Cell, tmp_path: Path) -> None:
    step = cell.subject.step
    require_done(play(tmp_path / "late", step, faults(cell, "stale_list", seconds=30.0)))
    lost = faults(cell, "reset_done", hide_seconds=30.0)
    require_done(play(tmp_path / "lost", step, lost))


@cells("F20")
def test_a_reply_that_cannot_be_read(cell: Cell, tmp_path: Path) -> None:
    step = cell.subject.step
    require_done(play(tmp_path / "refused", step, faults(cell, "malformed")))
    if cell.subject.act:
        require_done(play(tmp_path / "applied", step, faults(cell, "malformed", applied=True)))
    halted = play(tmp_path / "ever", step, faults(cell, "malformed", times=FOREVER))
    require_halted(halted)
    require_done(resume(halted))
