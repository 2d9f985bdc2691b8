"""The real recovery on the fake cloud, killed with SIGKILL at every instant of every step.

Everything but the cloud is what runs in production: steps, engine, dbos, journal, leases. The
oracle reads the cloud's own history; each effect must be there exactly once.
"""

from pathlib import Path

import pytest

from releve.recovery.catalogue import RECOVER
from releve.workflow.hooks import INSTANTS, Strike
from tests.crash.harness import Kill, Life, Point, kill_at_random, live_once, survive
from tests.matrix.controller import Controller, make_run
from tests.matrix.play import Played, require_done, require_order, require_undone

STEPS = [step.name for step in RECOVER if step.name != "prepare"]
ONLY_LOOK = ("before_intent", "after_commit")
STRIKES = range(1, 96)


def drive(directory: Path, strike: Strike) -> str:
    return Controller(directory, strike=strike).drive().state


def cancel(directory: Path, strike: Strike) -> str:
    return Controller(directory, strike=strike).cancel().state


@pytest.fixture
def run(run_directory: Path) -> Path:
    make_run(run_directory)
    return run_directory


def require_whole(directory: Path, lives: tuple[Life, ...]) -> None:
    controller = Controller(directory)
    record = controller.journal.read_run(controller.run.run_id)
    assert lives[-1].ending == "DONE", record.next_action
    require_order(controller, record)
    require_done(Played(controller, record))


def test_a_whole_life_has_fewer_strikes_than_are_killed_below(run: Path) -> None:
    life = live_once(drive, run)
    require_whole(run, (life,))
    assert len(life.points) < STRIKES.stop
    for step in STEPS:
        instants = {point.instant for point in life.points if point.step == step}
        assert instants in (set(INSTANTS), set(ONLY_LOOK)), step


@pytest.mark.parametrize("number", STRIKES)
def test_killed_at_every_strike(run: Path, number: int) -> None:
    lives = survive(drive, run, kills=[Kill(number=number)])
    assert lives[0].killed or number > len(lives[0].points)
    require_whole(run, lives)


@pytest.mark.parametrize("second", INSTANTS)
@pytest.mark.parametrize("step", ["mark", "fence", "create_instance", "attach_volumes", "cut_over"])
def test_killed_after_an_effect_and_again_in_the_same_step(
    run: Path, step: str, second: str
) -> None:
    kills = [Kill(Point(step, "after_effect")), Kill(Point(step, second))]
    lives = survive(drive, run, kills=kills)
    assert lives[0].killed
    require_whole(run, lives)


@pytest.mark.parametrize("first", range(4, 80, 15))
def test_killed_again_soon_after_each_resume(run: Path, first: int) -> None:
    lives = survive(drive, run, kills=[Kill(number=number) for number in (first, 2, 3, 5)])
    assert lives[0].killed
    require_whole(run, lives)


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_random_from_outside(run: Path, seed: int) -> None:
    require_whole(run, kill_at_random(drive, run, seed=seed, longest_seconds=1.5))


@pytest.mark.parametrize("step", ["fence", "create_instance", "detach_volumes", "attach_volumes"])
def test_killed_then_cancelled_all_is_where_it_was(run: Path, step: str) -> None:
    assert live_once(drive, run, kill=Kill(Point(step, "after_effect"))).killed
    assert live_once(cancel, run).ending == "UNDONE"
    controller = Controller(run)
    require_undone(controller)
    controller.world.oracle.assert_clean(controller.cloud)


@pytest.mark.parametrize("number", range(1, 24, 2))
def test_killed_while_undoing_it_is_undone_all_the_same(run: Path, number: int) -> None:
    assert live_once(drive, run, kill=Kill(Point("attach_volumes", "after_effect"))).killed
    lives = survive(cancel, run, kills=[Kill(number=number)])
    assert lives[-1].ending == "UNDONE"
    controller = Controller(run)
    require_undone(controller)
    controller.world.oracle.assert_clean(controller.cloud)
