"""The harness and the engine proven on each other, with effects that are lines in files."""

from pathlib import Path

import pytest

from releve.workflow.engine import Engine, EngineSettings
from releve.workflow.hooks import Strike
from releve.workflow.patience import Patience
from tests.crash.harness import Kill, Point, kill_at_random, kill_everywhere, live_once, survive
from tests.workflow.toy import LIST, count_effects, toy_catalogue, toy_outside, toy_run

ONE_EACH = dict.fromkeys(sorted(LIST), 1)


def drive_toy(directory: Path, strike: Strike) -> str:
    outside = toy_outside(directory)
    settings = EngineSettings(directory / "state", strike=strike, patience=Patience())
    engine = Engine(outside, toy_catalogue(directory), settings)
    return engine.drive(toy_run()).state


def test_unharmed_life_passes_all_instants_of_all_steps(run_directory: Path) -> None:
    life = live_once(drive_toy, run_directory)
    assert life.ending == "DONE"
    instants = ("before_intent", "after_intent", "after_effect", "after_commit")
    assert set(life.points) == {Point(step, instant) for step in LIST for instant in instants}


def test_killed_at_every_strike_nothing_is_done_twice(run_directory: Path) -> None:
    kills = 0
    for number, lives in kill_everywhere(drive_toy, lambda number: run_directory / str(number)):
        assert lives[-1].ending == "DONE", f"strike {number}"
        assert count_effects(run_directory / str(number)) == ONE_EACH, f"strike {number}"
        kills += lives[0].killed
    assert kills == len(LIST) * 4


@pytest.mark.parametrize("branch", ["fence", "create"])
def test_killed_in_one_branch_the_other_keeps_its_commit(run_directory: Path, branch: str) -> None:
    lives = survive(drive_toy, run_directory, kills=[Kill(Point(branch, "after_effect"))])
    assert lives[0].killed
    assert lives[-1].ending == "DONE"
    assert count_effects(run_directory) == ONE_EACH
    committed = {point.step for point in lives[0].points if point.instant == "after_commit"}
    assert committed.isdisjoint({point.step for point in lives[1].points})


@pytest.mark.parametrize("second", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("first", [3, 7, 11, 14, 19])
def test_killed_twice_nothing_is_done_twice(run_directory: Path, first: int, second: int) -> None:
    lives = survive(drive_toy, run_directory, kills=[Kill(number=first), Kill(number=second)])
    assert lives[0].killed
    assert lives[-1].ending == "DONE"
    assert count_effects(run_directory) == ONE_EACH


@pytest.mark.parametrize("seed", range(10))
def test_killed_at_random_from_outside_nothing_is_done_twice(
    run_directory: Path, seed: int
) -> None:
    kill_at_random(drive_toy, run_directory, seed=seed, longest_seconds=0.4)
    assert live_once(drive_toy, run_directory).ending == "DONE"
    assert count_effects(run_directory) == ONE_EACH
