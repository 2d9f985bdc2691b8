"""The doors that the good plan names, all of them fakes over one fake cloud."""

from pathlib import Path

from releve.adapters.store.opening import open_store
from releve.errors import PlanError
from releve.ports.converger import ConvergeRequest
from releve.ports.outside import Outside
from tests.fakes.access import FakeAccess
from tests.fakes.checker import FakeChecker
from tests.fakes.clock import FakeClock
from tests.fakes.cloud import FakeCloud
from tests.fakes.cloud_state import Habits
from tests.fakes.converger import FakeConverger
from tests.fakes.finding_store import FakeFindingStore
from tests.fakes.observed_store import FakeObservedStore
from tests.fakes.provider import FakeProvider
from tests.plan.broken_plans import BrokenPlan

MOUNTS = {"data": "/srv/data", "backup": "/srv/backup"}


class ConvergerThatFinds(FakeConverger):
    """Finds what the case says, and keeps what it was asked."""

    def __init__(self, cloud: FakeCloud, found: list[str]) -> None:
        super().__init__(cloud)
        self.found = found
        self.asked: list[ConvergeRequest] = []

    def list_problems(self, request: ConvergeRequest) -> tuple[str, ...]:
        self.asked.append(request)
        return tuple(self.found)


class AccessWithKeys(FakeAccess):
    """Offers the keys that the case gives this controller; a word in brackets is a refusal."""

    def __init__(self, cloud: FakeCloud, keys: list[str]) -> None:
        super().__init__(cloud)
        self.keys = keys

    def public_keys(self, identity_files: tuple[str, ...]) -> tuple[str, ...]:
        del identity_files
        if "(locked)" in self.keys:
            raise PlanError(
                "the key id_ed25519 is behind a passphrase",
                why="nobody is there to type it",
                remedy="add it to the ssh agent: ssh-add id_ed25519",
            )
        return tuple(self.keys)


def make_cloud(directory: Path, *, mounts_volumes: bool = True) -> FakeCloud:
    """As the good plan says it is: instance-0001 with volume-0002, volume-0003 and the address.

    One that mounts volumes, as LXD, knows the UUIDs of their file systems.
    """
    habits = Habits(mounts_volumes=mounts_volumes)
    cloud = FakeCloud(directory / "cloud.db", clock=FakeClock(), habits=habits)
    cloud.as_person("add_offer", images={"image-base": "base"})
    cloud.as_person("add_offer", networks=["private"], sizes=["small"])
    cloud.as_person("add_old_instance", name="web-old")
    (old,) = cloud.state().instances
    for name, mount in MOUNTS.items():
        cloud.as_person("add_volume", name=name, on=old, mount_point=mount)
    cloud.as_person("add_address", address="198.51.100.10", instance_id=old)
    return cloud


def make_outside(cloud: FakeCloud, case: BrokenPlan, *, state: Path) -> Outside:
    journal, lease = open_store(state)
    return Outside(
        provider=FakeProvider(cloud),
        access=FakeAccess(cloud) if case.keys is None else AccessWithKeys(cloud, case.keys),
        converger=ConvergerThatFinds(cloud, case.converger),
        checker=FakeChecker(cloud, volumes=len(MOUNTS)),
        journal=journal,
        lease=lease,
        clock=cloud.clock,
        observed=FakeObservedStore(),
        findings=FakeFindingStore(),
    )


def list_acts(cloud: FakeCloud) -> list[str]:
    """All that Relève did there, as the cloud's own history has it; reads and notes are none."""
    return [row.call for row in cloud.history() if row.kind == "act" and row.actor.name != "person"]
