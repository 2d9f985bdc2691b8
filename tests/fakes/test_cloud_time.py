"""A request is answered at one instant, however long other threads sleep meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from releve.model.resources import InstanceRequest, Labels, Role
from tests.fakes.access import AUTHORIZED_KEY
from tests.fakes.clock import FakeClock
from tests.fakes.cloud import FakeCloud
from tests.fakes.cloud_file import Actor, HistoryRow
from tests.fakes.cloud_state import CloudState, Habits
from tests.fakes.provider import FakeProvider
from tests.fakes.world import World, make_world
from tests.oracle.oracle import Oracle

RUN = "abcdefghijkl"
LABELS = Labels(host="web.example.org", run=RUN, epoch=1, role=Role.CANDIDATE)
REQUEST = InstanceRequest("web-1", "image-base", "small", "private", LABELS, (AUTHORIZED_KEY,))
EVERY_READING = range(1, 12)  # of the clock, as many as a request has ever made and more


class JumpingClock(FakeClock):
    """Before one of its next readings another thread of the run sleeps for long."""

    readings_left = 0

    def monotonic(self) -> float:
        self.readings_left -= 1
        if self.readings_left == 0:
            self.sleep(60)
        return super().monotonic()


@dataclass(frozen=True)
class Ground:
    clock: JumpingClock
    world: World
    provider: FakeProvider

    def changed_by(self, call: str) -> list[list[str]]:
        """Table and key of what its last sending changed."""
        rows = [row for row in self.world.cloud.history() if row.call == call]
        return list(rows[-1].result["changed"])


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    clock = JumpingClock()
    habits = Habits(names_are_unique=False)
    world = make_world(tmp_path / "cloud.db", clock=clock, habits=habits, oracle=Oracle())
    yield Ground(clock, world, FakeProvider(world.cloud, actor=Actor("controller", RUN, 1)))
    world.cloud.close()


@pytest.mark.parametrize("reading", EVERY_READING)
def test_an_old_instance_that_stops_meanwhile_is_not_made_by_a_create(
    ground: Ground, reading: int
) -> None:
    ground.provider.stop_instance(ground.world.old)
    ground.clock.readings_left = reading
    ground.provider.create_instance(REQUEST)
    ((table, key),) = ground.changed_by("create_instance")
    assert (table, key != ground.world.old) == ("instances", True)
    ground.world.oracle.assert_clean(ground.world.cloud)


@pytest.mark.parametrize("reading", EVERY_READING)
def test_a_snapshot_that_gets_ready_meanwhile_is_not_made_by_the_next(
    ground: Ground, reading: int
) -> None:
    first, second, *_others = ground.world.volumes.values()
    ground.provider.snapshot_volume(first, name="before", labels=LABELS)
    ground.clock.readings_left = reading
    ground.provider.snapshot_volume(second, name="before", labels=LABELS)
    ((_table, key),) = ground.changed_by("snapshot_volume")
    assert ground.world.cloud.state().snapshots[key].volume_id == second
    ground.world.oracle.assert_clean(ground.world.cloud)


@pytest.mark.parametrize("reading", EVERY_READING)
def test_each_row_of_the_history_begins_where_the_one_before_ended(
    ground: Ground, reading: int
) -> None:
    """So that nothing is told twice, and nothing happens between two rows."""
    befores: list[str] = []
    afters: list[str] = []

    def watch(_cloud: FakeCloud, _row: HistoryRow, before: CloudState, after: CloudState) -> None:
        befores.append(before.to_json())
        afters.append(after.to_json())

    ground.world.cloud.watch = watch
    ground.provider.detach_volume(ground.world.volumes["data"], ground.world.old)
    ground.clock.readings_left = reading
    ground.provider.stop_instance(ground.world.old)
    ground.provider.lock_instance(ground.world.old)
    assert len(befores) >= 3
    assert befores[1:] == afters[:-1]
