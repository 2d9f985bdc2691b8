"""F22 to F26: SSH hangs, refuses or shows another key; Ansible fails, lies, dies or asks."""

from pathlib import Path

import pytest

from releve.model.run import RunState
from tests.fakes.cloud_file import HistoryRow
from tests.fakes.faults import FOREVER, Fault
from tests.matrix.cells import Cell, read_cells
from tests.matrix.controller import Controller
from tests.matrix.play import (
    Played,
    contents,
    find_new,
    own_effects,
    play,
    require_done,
    require_halted,
    resume,
)


def cells(*columns: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("cell", read_cells(*columns), ids=lambda cell: cell.name)


def ssh_faults(directory: Path, cell: Cell, kind: str, *, times: int) -> Played:
    def make(controller: Controller) -> list[Fault]:
        if cell.row == "S18":  # a visitor has no shell: the same, met by a check from outside
            return [Fault("check", kind, times=times, where={"vantage": "public address"})]
        return [Fault("ssh", kind, times=times, where={"known_as": find_new(controller)})]

    return play(directory, cell.subject.step, make)


KINDS = [("F22", "hang"), ("F24", "refused"), ("F24", "login_refused"), ("F24", "reset")]


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        pytest.param(cell, kind, id=f"{cell.name}-{kind}")
        for column, kind in KINDS
        for cell in read_cells(column)
        if (cell.row, kind) != ("S18", "login_refused")
    ],
)
def test_no_shell_for_a_while_and_for_ever(cell: Cell, kind: str, tmp_path: Path) -> None:
    passing = ssh_faults(tmp_path / "once", cell, kind, times=1)
    if passing.state is RunState.NEEDS_PERSON:  # a playbook is not started twice by itself
        assert cell.row == "S15"
        passing = resume(passing)
    require_done(passing)
    halted = ssh_faults(tmp_path / "ever", cell, kind, times=FOREVER)
    require_halted(halted)
    require_address_not_moved_on(halted, cell)
    require_done(resume(halted))


def require_address_not_moved_on(halted: Played, cell: Cell) -> None:
    """What could not be proven before the cutover is not cut over."""
    moved = own_effects(halted.controller, "move_address")
    assert len(moved) == (1 if cell.row == "S18" else 0)


@cells("F23")
def test_another_host_key_ends_it_before_a_byte_is_sent(cell: Cell, tmp_path: Path) -> None:
    replaced_at: list[int] = []

    def replace_key(controller: Controller) -> list[Fault]:
        controller.cloud.as_person("replace_host_key", instance_id=find_new(controller))
        replaced_at.append(controller.cloud.history()[-1].seq)
        return []

    halted = play(tmp_path / "key", cell.subject.step, replace_key)
    assert not [row for row in sent_to_guest(halted) if row.seq > replaced_at[0]]
    if cell.row == "S18":  # nothing is said over SSH from here on, so nothing has to end
        require_done(halted)
        return
    require_halted(halted)
    before = contents(halted.controller)
    require_halted(resume(halted))
    assert contents(halted.controller) == before


def sent_to_guest(played: Played) -> list[HistoryRow]:
    new = find_new(played.controller)
    return [
        row
        for row in played.controller.cloud.history()
        if row.call in {"login", "command", "mount_in_guest", "converge"}
        and row.arguments["instance_id"] == new
    ]


def play_converge(directory: Path, kind: str, *, times: int = 1) -> Played:
    return play(directory, "converge", lambda _controller: [Fault("converge", kind, times=times)])


@cells("F25")
@pytest.mark.parametrize("kind", ["unreachable", "failed", "no_host", "other_host"])
def test_a_converge_is_judged_by_its_stats(cell: Cell, kind: str, tmp_path: Path) -> None:
    del cell  # names the test
    halted = play_converge(tmp_path / kind, kind)
    require_halted(halted)
    assert not own_effects(halted.controller, "move_address")
    require_done(resume(halted))


@cells("F25")
def test_errors_that_the_playbook_ignores_are_its_own_choice(cell: Cell, tmp_path: Path) -> None:
    del cell
    played = play_converge(tmp_path / "ignored", "ignored")
    require_done(played)
    said = [event.text for event in played.controller.events() if event.step == "converge"]
    assert any("ignored" in text for text in said)


@cells("F26")
@pytest.mark.parametrize("kind", ["killed", "reboot"])
def test_a_converge_that_was_cut_short_is_run_once_more(
    cell: Cell, kind: str, tmp_path: Path
) -> None:
    del cell
    played = play_converge(tmp_path / "once", kind)
    require_done(played)
    assert count_converges(played) == 2
    halted = play_converge(tmp_path / "ever", kind, times=FOREVER)
    require_halted(halted)
    assert count_converges(halted) == 2
    require_done(resume(halted))


@cells("F26")
def test_a_prompt_is_left_to_a_person(cell: Cell, tmp_path: Path) -> None:
    del cell
    halted = play_converge(tmp_path / "prompt", "prompt", times=FOREVER)
    require_halted(halted)
    require_done(resume(halted))


def count_converges(played: Played) -> int:
    return sum(row.kind == "converge" for row in played.controller.cloud.history())
