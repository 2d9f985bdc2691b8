"""Instances: Nova's servers, read whole, found by exact name, changed by one act each."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from releve.errors import Changed, Missing, Refused
from releve.model.resources import Instance, Labels, Power
from releve.providers.openstack.api import Content, OpenstackApi
from releve.providers.openstack.errors import make_error, reading
from releve.providers.openstack.flavors import Flavors
from releve.providers.openstack.ids import require_id
from releve.providers.openstack.labels import (
    BASE_IMAGE,
    ISOLATED,
    LOCKED,
    OFF,
    SYSTEM_DISK,
    as_metadata,
    carries,
    read_labels,
)
from releve.providers.openstack.ports import Ports
from releve.providers.openstack.root_disk import data_volumes_of, volumes_of

YES: Final = "yes"
_POWERS: Final = {
    "ACTIVE": Power.RUNNING,
    "PAUSED": Power.RUNNING,  # it holds its memory and can go on: it is not off
    "SUSPENDED": Power.RUNNING,
    "PASSWORD": Power.RUNNING,
    "RESCUE": Power.RUNNING,
    "SHUTOFF": Power.STOPPED,
    "SHELVED": Power.STOPPED,
    "SHELVED_OFFLOADED": Power.STOPPED,
    "ERROR": Power.ERROR,
}


class Instances:
    def __init__(self, api: OpenstackApi, ports: Ports) -> None:
        self._api = api
        self._ports = ports
        self._flavors = Flavors(api)

    def read(self, instance_id: str) -> Content:
        """Nova's whole description."""
        require_id(instance_id, kind="instance")
        content = self._api.get("compute", "servers", instance_id)
        with reading(f"reading instance {instance_id}"):
            server = dict(content["server"])
            if server["id"] != instance_id:
                why = "the cloud answered with another one"
                raise make_error(Missing, f"no instance {instance_id}", why=why)
            return server

    def get(self, instance_id: str) -> Instance:
        return self.describe(self.read(instance_id))

    def find(self, *, name: str, labels: Mapping[str, str]) -> tuple[Instance, ...]:
        if not name and not labels:
            raise Refused(
                "asked for every instance at once",
                why="neither a name nor a label was given",
                remedy="Give a name or labels",
            )
        contents = self.list_named(name) if name else self.list_all()
        with reading("reading the labels of instances"):
            found = [item for item in contents if carries(read_labels(item["metadata"]), labels)]
        return tuple(self.describe(content) for content in found)

    def list_named(self, name: str) -> list[Content]:
        """Nova takes the name for a regular expression, and may ignore its case."""
        contents = self.list_all({"name": f"^{re.escape(name)}$"})
        with reading(f"reading the instances called {name}"):
            return [item for item in contents if item["name"] == name]

    def list_all(self, params: Mapping[str, str] | None = None) -> list[Content]:
        return self._api.list_all("compute", ("servers", "detail"), key="servers", params=params)

    def describe(self, content: Content) -> Instance:
        with reading(f"reading instance {content.get('id')}"):
            held = data_volumes_of(self._api, content)
            disks = self.find_system_disks(content)
            ports = self._ports.list_of_instance(str(content["id"]))
            return Instance(
                id=str(content["id"]),
                name=str(content["name"]),
                power=read_power(content),
                locked=bool(content.get("locked")),
                busy=read_task(content),
                private_address=choose_address(content["addresses"]),
                image=read_image(content),
                size=self._flavors.name_of(content["flavor"]),
                volumes=tuple(sorted(set(held) - set(disks))),
                networked=any(port["admin_state_up"] for port in ports),
                labels=read_labels(content["metadata"]),
                revision=revise(content),
                isolated=content["metadata"].get(ISOLATED) == YES,
                system_disks=tuple(sorted(disks.values())),
                disk_serials={owner: volume for volume, owner in disks.items()},
            )

    def label(self, instance_id: str, labels: Labels, *, revision: str) -> None:
        """Merged in one request, so that what a person wrote beside them stays."""
        what, content = f"labelling instance {instance_id}", self.read(instance_id)
        with reading(what):
            if revision and revision != revise(content):
                why = "its name or metadata changed between look and act"
                raise make_error(Changed, what, why=why)
        with self.lifted(content):
            self.write_metadata(instance_id, as_metadata(labels), what=what)

    def write_metadata(self, instance_id: str, metadata: Mapping[str, str], *, what: str) -> None:
        path = ("servers", instance_id, "metadata")
        self._api.post("compute", path, {"metadata": dict(metadata)}, what=what)

    def start(self, instance_id: str) -> None:
        content = self.read(instance_id)
        what = f"starting instance {instance_id}"
        if (content.get("metadata") or {}).get(OFF) == YES:
            self.write_metadata(instance_id, {OFF: ""}, what=what)
        self.act(instance_id, "os-start", what=what)

    def stop(self, instance_id: str) -> None:
        self.act(instance_id, "os-stop", what=f"stopping instance {instance_id}")

    def lock(self, instance_id: str) -> None:
        """Noted first: what a lock is lifted for puts it back, also in another life."""
        content, what = self.read(instance_id), f"locking instance {instance_id}"
        with reading(what):
            is_noted = content["metadata"].get(LOCKED) == YES
        if not is_noted and not content.get("locked"):
            self.write_metadata(instance_id, {LOCKED: YES}, what=what)
        self.act(instance_id, "lock", what=what)

    def unlock(self, instance_id: str) -> None:
        what = f"unlocking instance {instance_id}"
        self.act(instance_id, "unlock", what=what)
        self.write_metadata(instance_id, {LOCKED: ""}, what=what)

    @contextmanager
    def lifted(self, content: Content) -> Iterator[None]:
        """Nova lets nobody label a locked instance, nor take a volume from it."""
        instance_id = str(content["id"])
        what = f"lifting the lock of instance {instance_id} for an act"
        is_locked = bool(content.get("locked"))
        is_noted = (content.get("metadata") or {}).get(LOCKED) == YES
        if is_locked:
            self.act(instance_id, "unlock", what=what)
        try:
            yield
        finally:
            if is_locked or is_noted:
                self.act(instance_id, "lock", what=f"locking instance {instance_id} again")

    def act(self, instance_id: str, name: str, *, what: str) -> None:
        path = ("servers", require_id(instance_id, kind="instance"), "action")
        self._api.post("compute", path, {name: None}, what=what)

    def find_system_disks(self, content: Content) -> dict[str, str]:
        """Volume to the instance whose system disk it is a copy of; only a helper has such."""
        if content["metadata"].get("releve.role") != "helper":
            return {}
        found = {}
        for volume_id in volumes_of(content):
            volume = self._api.get("volume", "volumes", volume_id)["volume"]
            if volume["metadata"].get(SYSTEM_DISK):
                found[volume_id] = str(volume["metadata"][SYSTEM_DISK])
        return found


def read_power(content: Content) -> Power:
    return _POWERS.get(str(content["status"]), Power.CHANGING)


def read_task(content: Content) -> str:
    """Nova's word for what is under way; one made to be off is still on its way there."""
    task = content.get("OS-EXT-STS:task_state")
    if task:
        return str(task)
    if content["metadata"].get(OFF) == YES and content["status"] == "ACTIVE":
        return "turning itself off"
    return "building" if content["status"] == "BUILD" else ""


def read_image(content: Content) -> str:
    """Nova tells none where it boots from a volume; then what we noted."""
    image = content.get("image")
    return str(image["id"]) if image else str(content["metadata"].get(BASE_IMAGE, ""))


def choose_address(networks: Any) -> str:
    """The first fixed one; IPv4 before IPv6."""
    entries = [entry for addresses in networks.values() for entry in addresses]
    fixed = [entry for entry in entries if entry.get("OS-EXT-IPS:type", "fixed") == "fixed"]
    ordered = sorted(fixed, key=lambda entry: int(entry["version"]))
    return next((str(entry["addr"]) for entry in ordered), "")


def revise(content: Content) -> str:
    """Nova counts no revisions; this changes with name and metadata, which is what we write."""
    told = [content["name"], content["metadata"], bool(content.get("locked"))]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def is_isolated(content: Content) -> bool:
    return bool((content.get("metadata") or {}).get(ISOLATED) == YES)
