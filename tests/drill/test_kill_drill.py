"""A drill on the fake cloud, killed with SIGKILL at every instant: nothing of it stays behind."""

from pathlib import Path

import pytest

from releve.drill.catalogue import DRILL
from releve.drill.verdict import Readiness
from releve.workflow.hooks import INSTANTS, Strike
from tests.crash.harness import Kill, Life, Point, live_once, survive
from tests.drill.controller import Drills, list_images, list_rest, make_ground

ONLY_LOOK = ("before_intent", "after_commit")
STRIKES = range(1, 130, 3)
MAKING = ("create_instance", "provide_volumes", "capture_image", "create_aged", "destroy_twin")


def drive(directory: Path, strike: Strike) -> str:
    drills = Drills(directory, strike=strike)
    return drills.drive_to_end(drills.newest()).state


def cancel(directory: Path, strike: Strike) -> str:
    drills = Drills(directory, strike=strike)
    return drills.cancel(drills.newest()).state


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    make_ground(tmp_path)
    Drills(tmp_path).propose()
    return tmp_path


def require_whole(directory: Path, lives: tuple[Life, ...]) -> None:
    drills = Drills(directory)
    assert lives[-1].ending == "DONE", drills.journal.read_run(drills.newest().run_id).next_action
    assert drills.verdict(drills.newest()).readiness is Readiness.READY
    assert list_rest(drills) == []
    assert len(list_images(drills)) == 1
    drills.world.oracle.assert_clean(drills.cloud)


def test_every_step_is_struck_in_a_whole_life(ground: Path) -> None:
    life = live_once(drive, ground)
    require_whole(ground, (life,))
    assert len(life.points) <= STRIKES.stop + STRIKES.step
    for step in DRILL:
        instants = {point.instant for point in life.points if point.step == step.name}
        assert instants in (set(INSTANTS), set(ONLY_LOOK)), step.name


@pytest.mark.parametrize("number", STRIKES)
def test_killed_and_gone_on_with(ground: Path, number: int) -> None:
    require_whole(ground, survive(drive, ground, kills=[Kill(number=number)]))


@pytest.mark.parametrize("instant", ["after_intent", "after_effect"])
@pytest.mark.parametrize("step", MAKING)
def test_killed_then_cancelled_nothing_is_left(ground: Path, step: str, instant: str) -> None:
    assert live_once(drive, ground, kill=Kill(Point(step, instant))).killed
    assert live_once(cancel, ground).ending == "UNDONE"
    drills = Drills(ground)
    assert list_rest(drills) == []
    assert list_images(drills) == []
    assert drills.verdict(drills.newest()).readiness is Readiness.UNKNOWN
    drills.world.oracle.assert_clean(drills.cloud)


@pytest.mark.parametrize("number", range(1, 14, 2))
def test_killed_while_it_is_cleaned_up(ground: Path, number: int) -> None:
    assert live_once(drive, ground, kill=Kill(Point("create_aged", "after_effect"))).killed
    assert survive(cancel, ground, kills=[Kill(number=number)])[-1].ending == "UNDONE"
    drills = Drills(ground)
    assert list_rest(drills) == []
    assert list_images(drills) == []
    drills.world.oracle.assert_clean(drills.cloud)
