"""A host that crashed, on a fake cloud: its old instance, two volumes and an address."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from releve.ports.clock import Clock
from tests.fakes.cloud import FakeCloud
from tests.fakes.cloud_state import Habits
from tests.oracle.oracle import Oracle

HOST: Final = "web.example.org"
OLD_NAME: Final = "web-old"
ADDRESS: Final = "198.51.100.10"
MOUNTS: Final = {"data": "/srv/data", "backup": "/srv/backup"}


@dataclass(frozen=True)
class World:
    cloud: FakeCloud
    oracle: Oracle
    old: str
    volumes: dict[str, str]  # name in the plan to id


def make_world(path: Path, *, clock: Clock, habits: Habits, oracle: Oracle) -> World:
    cloud = FakeCloud(path, clock=clock, habits=habits, watch=oracle.watch)
    cloud.as_person("add_offer", images={"image-base": "base"})
    cloud.as_person("add_offer", networks=["private"], sizes=["small"])
    cloud.as_person("add_old_instance", name=OLD_NAME)
    (old,) = cloud.state().instances
    for name, mount in MOUNTS.items():
        cloud.as_person("add_volume", name=name, on=old, mount_point=mount)
    cloud.as_person("add_address", address=ADDRESS, instance_id=old)
    cloud.as_person("break_root", instance_id=old)
    return open_world(cloud, oracle)


def open_world(cloud: FakeCloud, oracle: Oracle) -> World:
    """The same world, as a process that comes later finds it."""
    state = cloud.state()
    (old,) = [key for key, instance in state.instances.items() if instance.name == OLD_NAME]
    volumes = {volume.name: key for key, volume in state.volumes.items() if volume.name in MOUNTS}
    return World(cloud, oracle, old, volumes)
