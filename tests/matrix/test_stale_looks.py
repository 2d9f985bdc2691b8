"""F15 and F32: what a lagging list showed is not what it shows when the controller acts."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.fakes.cloud_file import Actor
from tests.fakes.cloud_state import CloudState
from tests.fakes.faults import Fault
from tests.fakes.provider import FakeProvider
from tests.matrix.cells import SUBJECTS
from tests.matrix.controller import HABITS, Controller, make_run
from tests.matrix.play import Played, own_effects, require_done

STANDSTILL_SECONDS = 120.0  # longer than any settle time
SLOW_LISTS = replace(HABITS, list_lag_seconds=5.0)
_Seen = TypeVar("_Seen")


class StandingStill(FakeProvider):
    """Its caller gets the first empty list after an act much later than it was made."""

    act = look = ""
    stood_still = False

    def _list(self, name: str, view: Callable[[CloudState], _Seen], /, **arguments: Any) -> _Seen:
        seen = super()._list(name, view, **arguments)
        calls = {row.call for row in self.cloud.history()}
        if name == self.look and not seen and self.act in calls and not self.stood_still:
            self.stood_still = True
            self.cloud.clock.sleep(STANDSTILL_SECONDS)
        return seen


@pytest.mark.parametrize("row", ["S05", "S07", "S08"])
def test_an_empty_list_of_long_ago_makes_nothing_twice(row: str, tmp_path: Path) -> None:
    has_ports = row != "S08"  # or its port would keep a second instance away
    subject = SUBJECTS[row]
    make_run(tmp_path, habits=replace(SLOW_LISTS, has_ports=has_ports))
    controller = Controller(tmp_path, settle_seconds=SLOW_LISTS.settle_seconds)
    provider = StandingStill(
        controller.cloud, actor=Actor("controller", controller.run.run_id, controller.run.epoch)
    )
    provider.act, provider.look = subject.act, subject.look
    controller.outside = replace(controller.outside, provider=provider)
    controller.clock.sleep(SLOW_LISTS.list_lag_seconds)  # what was there before shows by now
    record = controller.drive()
    assert provider.stood_still
    controller.world.oracle.assert_clean(controller.cloud)
    assert len(own_effects(controller, subject.act)) == (3 if row == "S05" else 1)
    require_done(Played(controller, record))


class StandsStillBeforeItsSecondAct:
    """Long enough for what the first act made to come into the lists."""

    def __init__(self) -> None:
        self.controller: Controller | None = None
        self.intents = 0

    def __call__(self, step: str, instant: str) -> None:
        if (step, instant) != ("snapshot_volumes", "after_intent"):
            return
        self.intents += 1
        if self.intents == 2:
            assert self.controller is not None
            self.controller.clock.sleep(60)


def test_a_snapshot_that_shows_at_the_last_moment_does_not_pass_its_act_on(tmp_path: Path) -> None:
    """The act is for the volume that the look named: a list would not show yet what it made."""
    make_run(tmp_path, habits=SLOW_LISTS)
    strike = StandsStillBeforeItsSecondAct()
    controller = Controller(tmp_path, strike=strike, settle_seconds=SLOW_LISTS.settle_seconds)
    strike.controller = controller
    controller.clock.sleep(SLOW_LISTS.list_lag_seconds)  # what was there before shows by now
    controller.cloud.arm(Fault("snapshot_volume", "timeout_done", seconds=1.0, hide_seconds=120.0))
    record = controller.drive()
    controller.world.oracle.assert_clean(controller.cloud)
    assert strike.intents == 4  # one of them for what had shown by then
    require_done(Played(controller, record))
