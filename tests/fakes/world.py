"""A host that crashed, on a fake cloud: its old instance, three volumes and an address."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from releve.ports.clock import Clock
from tests.fakes.cloud import PERSON, FakeCloud
from tests.fakes.cloud_state import Habits
from tests.oracle.oracle import Oracle

HOST: Final = "web.example.org"
OLD_NAME: Final = "web-old"
ADDRESS: Final = "198.51.100.10"
MOUNTS: Final = {"data": "/srv/data", "backup": "/srv/backup", "media": "/srv/media"}


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
    """The same world, as a process that comes later finds it; what was deleted keeps its id."""
    cloud.watch = oracle.watch
    made = {
        row.arguments["name"]: row.result["changed"][0][1]
        for row in cloud.history()
        if row.call in {"add_old_instance", "add_volume"} and row.actor == PERSON
    }
    return World(cloud, oracle, made[OLD_NAME], {name: made[name] for name in MOUNTS})
