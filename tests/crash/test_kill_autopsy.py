"""The autopsy after a recovery, killed with SIGKILL at every instant of every step."""

import shutil
from pathlib import Path

import pytest

from releve.recovery.catalogue import AUTOPSY
from releve.workflow.hooks import INSTANTS, Strike
from tests.crash.harness import Kill, Life, Point, live_once, survive
from tests.matrix.autopsy import require_autopsy_done
from tests.matrix.controller import Controller, make_run
from tests.matrix.play import require_order, require_undone

STEPS = [step.name for step in AUTOPSY]
STRIKES = range(1, 32)


def drive(directory: Path, strike: Strike) -> str:
    return Controller(directory, strike=strike).drive().state


def cancel(directory: Path, strike: Strike) -> str:
    return Controller(directory, strike=strike).cancel().state


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recovery that was killed as soon as the host was back and its run closed."""
    directory = tmp_path_factory.mktemp("closed") / "run"
    directory.mkdir()
    make_run(directory, autopsy=True)
    kill = Kill(Point("close", "after_commit"))
    assert live_once(drive, directory, kill=kill).killed
    return directory


@pytest.fixture
def run(closed: Path, run_directory: Path) -> Path:
    shutil.copytree(closed, run_directory, dirs_exist_ok=True)
    return run_directory


def require_whole(directory: Path, lives: tuple[Life, ...]) -> None:
    controller = Controller(directory)
    record = controller.journal.read_run(controller.run.run_id)
    assert lives[-1].ending == "DONE", record.next_action
    require_order(controller, record)
    require_autopsy_done(controller)


def test_a_whole_autopsy_has_fewer_strikes_than_are_killed_below(run: Path) -> None:
    life = live_once(drive, run)
    require_whole(run, (life,))
    points = [point for point in life.points if point.step in STEPS]
    assert {point.step for point in points} == set(STEPS)
    assert len(life.points) < STRIKES.stop
    assert {point.instant for point in points} == set(INSTANTS)


@pytest.mark.parametrize("number", STRIKES)
def test_killed_at_every_strike(run: Path, number: int) -> None:
    lives = survive(drive, run, kills=[Kill(number=number)])
    assert lives[0].killed or number > len(lives[0].points)
    require_whole(run, lives)


@pytest.mark.parametrize("step", ["autopsy_helper", "autopsy_attach", "autopsy_clean"])
def test_killed_then_cancelled_leaves_no_helper_and_no_reader(run: Path, step: str) -> None:
    assert live_once(drive, run, kill=Kill(Point(step, "after_effect"))).killed
    assert live_once(cancel, run).ending == "UNDONE"
    controller = Controller(run)
    require_undone(controller)
    controller.world.oracle.assert_clean(controller.cloud)
    assert "helper" not in {
        instance.labels["releve.role"] for instance in controller.cloud.state().instances.values()
    }
