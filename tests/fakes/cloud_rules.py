"""What the fake cloud accepts and refuses, as an OpenStack-like control plane would.

Each rule changes the state or raises the error that an adapter makes of the cloud's answer.
Acts of the control plane are accepted at once and come true later, in cloud_settle.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from releve.errors import Busy, Changed, Missing, Refused
from tests.fakes.cloud_state import (
    ISOLATED,
    CloudAddress,
    CloudCapture,
    CloudInstance,
    CloudPort,
    CloudSnapshot,
    CloudState,
    CloudVolume,
)

Arguments = Mapping[str, Any]
_R = TypeVar("_R", CloudInstance, CloudVolume, CloudAddress, CloudPort, CloudSnapshot, CloudCapture)
LOOK = "look at the resource again"


def create_instance(state: CloudState, now: float, request: Arguments) -> None:
    _check_request(state, request)
    instance_id = state.new_id("instance")
    port = state.ports.get(request["port_id"])
    if port:
        port.instance_id = instance_id
    capture = state.captures.get(request["image_id"])
    is_isolated = request.get("isolated", False)
    state.instances[instance_id] = CloudInstance(
        id=instance_id,
        name=request["name"],
        image=request["image_id"],
        size=request["size"],
        network=ISOLATED if is_isolated else request["network"],
        busy="building",
        private_address=(
            port.address if port else f"10.{9 if is_isolated else 0}.0.{state.made + 10}"
        ),
        port_id=request["port_id"],
        labels=dict(request["labels"]),
        authorized_keys=list(request["authorized_keys"]),
        host_keys=make_host_keys(instance_id),
        settles_at=now + state.habits.build_seconds,
        settles_to="RUNNING" if request.get("start", True) else "STOPPED",
        run_that_made_it=request["labels"].get("releve.run", ""),
        root_filesystem=capture.root_filesystem if capture else "ext4",
        root_content=capture.root_content if capture else "",
    )


def _check_request(state: CloudState, request: Arguments) -> None:
    if request["image_id"] not in state.images:
        capture = find(state.captures, request["image_id"], "image")
        if not capture.ready:
            raise Busy(f"image {capture.id} is not ready", remedy=LOOK)
    if request.get("isolated") and request["port_id"]:
        why = "a port is on the hosts' own network"
        raise Refused("no isolated instance on a port", why=why, remedy="give no port")
    shortfalls = list_shortfalls(state, request)
    if shortfalls:
        raise Refused(shortfalls[0], why="the cloud said 403", remedy="ask for more quota")
    names = {instance.name for instance in state.instances.values()}
    if state.habits.names_are_unique and request["name"] in names:
        raise Busy(f"the name {request['name']} is taken", remedy=LOOK)
    port_id = request["port_id"]
    if port_id and find(state.ports, port_id, "port").instance_id:
        raise Busy(f"port {port_id} is in use", remedy=LOOK)


def list_shortfalls(state: CloudState, request: Arguments) -> list[str]:
    shortfalls = []
    if request["size"] not in state.sizes:
        shortfalls.append(f"there is no size {request['size']}")
    if request["network"] not in state.networks:
        shortfalls.append(f"there is no network {request['network']}")
    if len(state.instances) >= state.quota.get("instances", 1000):
        shortfalls.append("the quota of instances is used up")
    return shortfalls


def make_host_keys(seed: str) -> list[tuple[str, str]]:
    secret = hashlib.sha256(seed.encode()).digest()
    wire = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + secret
    return [("ssh-ed25519", base64.b64encode(wire).decode())]


def start_instance(state: CloudState, now: float, arguments: Arguments) -> None:
    instance = _idle_instance(state, arguments["instance_id"], wanted="STOPPED")
    instance.busy, instance.settles_to = "powering-on", "RUNNING"
    instance.settles_at = now + state.habits.start_seconds


def stop_instance(state: CloudState, now: float, arguments: Arguments) -> None:
    instance = _idle_instance(state, arguments["instance_id"], wanted="RUNNING")
    instance.busy, instance.settles_to = "powering-off", "STOPPED"
    instance.settles_at = now + state.habits.stop_seconds


def _idle_instance(state: CloudState, instance_id: str, *, wanted: str) -> CloudInstance:
    instance = find(state.instances, instance_id, "instance")
    if instance.locked:
        raise Busy(f"{instance_id} is locked", why="the cloud said 409", remedy="unlock it")
    if instance.busy or instance.state != wanted:
        now_is = instance.busy or instance.state
        raise Busy(f"{instance_id} is {now_is}", why="the cloud said 409", remedy=LOOK)
    instance.revision += 1
    return instance


def lock_instance(state: CloudState, _now: float, arguments: Arguments) -> None:
    _change(state, arguments["instance_id"], locked=True)


def unlock_instance(state: CloudState, _now: float, arguments: Arguments) -> None:
    _change(state, arguments["instance_id"], locked=False)


def isolate_instance(state: CloudState, _now: float, arguments: Arguments) -> None:
    _change(state, arguments["instance_id"], networked=False)


def reconnect_instance(state: CloudState, _now: float, arguments: Arguments) -> None:
    """Nothing comes up where no port is left."""
    instance = find(state.instances, arguments["instance_id"], "instance")
    is_away = all(address.instance_id != instance.id for address in state.addresses.values())
    if not (state.habits.addresses_are_ports and is_away and not instance.port_id):
        _change(state, instance.id, networked=True)


def label_instance(state: CloudState, _now: float, arguments: Arguments) -> None:
    instance = find(state.instances, arguments["instance_id"], "instance")
    if instance.state == "ERROR":
        raise Busy(f"{instance.id} is in ERROR", why="the cloud said 409", remedy=LOOK)
    revision = arguments["revision"]
    if revision and revision != str(instance.revision):
        raise Changed(
            f"{instance.id} is at revision {instance.revision}, not {revision}",
            why="somebody changed it between look and act",
            remedy="find out who, then resume",
        )
    others = {key: text for key, text in instance.labels.items() if not key.startswith("releve.")}
    _change(state, instance.id, labels={**others, **arguments["labels"]})


def _change(state: CloudState, instance_id: str, **fields: Any) -> None:
    instance = find(state.instances, instance_id, "instance")
    for name, content in fields.items():
        setattr(instance, name, content)
    instance.revision += 1


def create_port(state: CloudState, _now: float, arguments: Arguments) -> None:
    if arguments["network"] not in state.networks:
        raise Missing(f"no network {arguments['network']}", remedy="choose an existing network")
    if len(state.ports) >= state.quota.get("ports", 1000):
        raise Refused("the quota of ports is used up", remedy="ask for more quota")
    port_id = state.new_id("port")
    state.ports[port_id] = CloudPort(
        id=port_id,
        name=arguments["name"],
        network=arguments["network"],
        address=f"10.0.0.{state.made + 10}",
        labels=dict(arguments["labels"]),
    )


def delete_port(state: CloudState, _now: float, arguments: Arguments) -> None:
    port = find(state.ports, arguments["port_id"], "port")
    if not port.labels.get("releve.run"):
        raise Refused(f"{port.id} is not deleted", why="nobody's label is on it", remedy=LOOK)
    if port.instance_id:
        raise Busy(f"{port.id} is on {port.instance_id}", remedy=LOOK)
    del state.ports[port.id]


def snapshot_volume(state: CloudState, now: float, arguments: Arguments) -> None:
    volume = find(state.volumes, arguments["volume_id"], "volume")
    if len(state.snapshots) >= state.quota.get("snapshots", 1000):
        raise Refused("the quota of snapshots is used up", remedy="ask for more quota")
    if volume.state not in {"available", "in-use"}:
        raise Busy(f"{volume.id} is {volume.state}", remedy=LOOK)
    snapshot_id = state.new_id("snapshot")
    state.snapshots[snapshot_id] = CloudSnapshot(
        id=snapshot_id,
        volume_id=volume.id,
        name=arguments["name"],
        content=volume.content,
        labels=dict(arguments["labels"]),
        settles_at=now + state.habits.snapshot_seconds,
    )


def detach_volume(state: CloudState, now: float, arguments: Arguments) -> None:
    volume = find(state.volumes, arguments["volume_id"], "volume")
    instance = find(state.instances, arguments["instance_id"], "instance")
    if instance.id not in volume.attached_to:
        raise Missing(f"{volume.id} is not attached to {instance.id}", remedy=LOOK)
    if volume.state != "in-use":
        raise Busy(f"{volume.id} is {volume.state}", why="the cloud said 400", remedy=LOOK)
    volume.state, volume.settles_to = "detaching", "available"
    volume.settles_at = now + state.habits.detach_seconds


def attach_volume(state: CloudState, now: float, arguments: Arguments) -> None:
    volume = find(state.volumes, arguments["volume_id"], "volume")
    instance = find(state.instances, arguments["instance_id"], "instance")
    if volume.state != "available" or volume.held_by:
        now_is = f"{volume.state} {volume.held_by}".strip()
        raise Busy(f"{volume.id} is {now_is}", why="the cloud said 400", remedy=LOOK)
    if instance.labels.get("releve.role") == "twin" and volume.labels.get("releve.role") != "twin":
        raise Refused(f"{volume.id} is no twin's", remedy="attach a clone of it")
    if instance.state not in {"RUNNING", "STOPPED"} or instance.busy == "deleting":
        raise Busy(f"{instance.id} is {instance.state}", why="the cloud said 409", remedy=LOOK)
    volume.state, volume.settles_to = "attaching", "in-use"
    volume.pending_instance = instance.id
    volume.mount_points = {instance.id: arguments["mount_point"]}
    volume.settles_at = now + state.habits.attach_seconds


def move_address(state: CloudState, _now: float, arguments: Arguments) -> None:
    address = find(state.addresses, arguments["address"], "address")
    expected = arguments["expected"]
    is_expected = expected["instance_id"] == address.instance_id
    if expected["revision"] and expected["revision"] != str(address.revision):
        is_expected = False
    if not is_expected:
        raise Changed(
            f"{address.address} is on {address.instance_id or 'no instance'}",
            why="it is not as it was when looked at (412)",
            remedy="find out who moved it, then resume",
        )
    if arguments["instance_id"]:
        target = find(state.instances, arguments["instance_id"], "instance")
        if target.is_isolated:
            raise Refused(f"{target.id} is isolated", remedy="choose another instance")
    if state.habits.addresses_are_ports:
        _take_port_along(state, address.instance_id, arguments["instance_id"])
    address.instance_id = arguments["instance_id"]
    address.revision += 1


def _take_port_along(state: CloudState, source: str, target: str) -> None:
    """An instance without any other has its network by it; else it comes up with the others."""
    for instance_id, is_there in ((source, False), (target, True)):
        instance = state.instances.get(instance_id)
        if instance and not instance.port_id:
            _change(state, instance_id, networked=is_there)


def find(table: Mapping[str, _R], key: str, kind: str) -> _R:
    if key not in table:
        raise Missing(f"no {kind} {key}", why="the cloud said 404", remedy=f"look for the {kind}")
    return table[key]


ACTS: dict[str, Callable[[CloudState, float, Arguments], None]] = {
    rule.__name__: rule
    for rule in (
        create_instance,
        start_instance,
        stop_instance,
        lock_instance,
        unlock_instance,
        isolate_instance,
        reconnect_instance,
        label_instance,
        create_port,
        delete_port,
        snapshot_volume,
        detach_volume,
        attach_volume,
        move_address,
    )
}
