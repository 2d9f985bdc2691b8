"""A cloud with LXD's habits: no ports, names unique, no lag, volumes mounted by the host."""

from pathlib import Path
from typing import Final

import pytest

from releve.model.run import RunState
from tests.fakes.cloud_state import Habits
from tests.fakes.faults import FOREVER, Fault, disarm_all
from tests.matrix.cells import SUBJECTS
from tests.matrix.controller import Controller
from tests.matrix.play import (
    Played,
    contents,
    play,
    require_done,
    require_halted,
    require_undone,
    resume,
)

LIKE_LXD: Final = Habits(
    build_seconds=1.0,
    boot_seconds=2.0,
    stop_seconds=0.5,
    stop_busy_seconds=0.0,
    attach_seconds=0.1,
    detach_seconds=0.1,
    snapshot_seconds=0.1,
    settle_seconds=0.0,
    has_ports=False,
    mounts_volumes=True,
)
ACTING: Final = ["S04", "S05", "S06", "S08", "S11", "S13", "S17", "S19"]
BEFORE_ANY_MOUNT: Final = ["S04", "S05", "S06", "S08", "S11"]


def play_on_it(directory: Path, row: str, kind: str, *, times: int = 1) -> Played:
    subject = SUBJECTS[row]
    fault = Fault(subject.act, kind, times=times)
    return play(directory, subject.step, lambda _controller: [fault], habits=LIKE_LXD)


@pytest.mark.parametrize("row", ACTING)
@pytest.mark.parametrize("kind", ["reset_done", "timeout_not_done", "busy", "malformed"])
def test_a_call_that_fails_once(row: str, kind: str, tmp_path: Path) -> None:
    require_done(play_on_it(tmp_path / "once", row, kind))


@pytest.mark.parametrize("row", ACTING)
def test_a_call_that_is_refused_until_a_person_helps(row: str, tmp_path: Path) -> None:
    halted = play_on_it(tmp_path / "ever", row, "quota", times=FOREVER)
    require_halted(halted)
    require_done(resume(halted))


@pytest.mark.parametrize("row", BEFORE_ANY_MOUNT)
def test_cancelled_before_any_mount_every_byte_is_as_at_the_fence(row: str, tmp_path: Path) -> None:
    halted = play_on_it(tmp_path / "ever", row, "quota", times=FOREVER)
    require_halted(halted)
    before = contents(halted.controller)
    disarm_all(halted.controller.cloud.file)
    controller = Controller(halted.controller.directory, settle_seconds=0.0)
    assert controller.cancel().state is RunState.UNDONE
    require_undone(controller)
    after = contents_without_the_old_hosts_own_writes(controller)
    assert after == before
    controller.world.oracle.assert_clean(controller.cloud)


def contents_without_the_old_hosts_own_writes(controller: Controller) -> dict[str, str]:
    """The bytes until the old instance was started again, which then may write as before."""
    states = controller.cloud.file.read_states()
    started = [row.seq for row in controller.cloud.history() if row.call == "start_instance"]
    seq = max(number for number in states if not started or number < started[-1])
    return {key: states[seq].volumes[key].sha256 for key in controller.world.volumes.values()}
