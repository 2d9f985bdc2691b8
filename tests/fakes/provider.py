"""The provider port over a fake cloud."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from releve.errors import Ambiguous, Missing, Refused
from releve.model.resources import (
    Address,
    Attachment,
    Capabilities,
    HostKey,
    Image,
    Instance,
    InstanceRequest,
    Labels,
    Port,
    Power,
    Snapshot,
    Volume,
)
from releve.ports.provider import Provider
from tests.fakes.cloud import Call, FakeCloud
from tests.fakes.cloud_file import Actor
from tests.fakes.cloud_rules import find, list_shortfalls
from tests.fakes.cloud_state import CloudInstance, CloudState, CloudVolume, shown

_Seen = TypeVar("_Seen")
_POWERS = {
    "BUILD": Power.CHANGING,
    "RUNNING": Power.RUNNING,
    "STOPPED": Power.STOPPED,
    "ERROR": Power.ERROR,
}


class FakeProvider(Provider):
    kind = "fake"

    def __init__(self, cloud: FakeCloud, *, actor: Actor | None = None) -> None:
        self.cloud = cloud
        self.actor = actor or Actor()
        habits = cloud.state().habits
        self.capabilities = Capabilities(
            ports=habits.has_ports,
            snapshots=habits.has_snapshots,
            locks=habits.has_locks,
            settle_seconds=habits.settle_seconds,
        )

    # reads

    def get_instance(self, instance_id: str) -> Instance:
        def view(state: CloudState) -> Instance:
            return _instance(state, find(state.instances, instance_id, "instance"))

        return self._get("get_instance", view, instance_id=instance_id)

    def find_instances(
        self, *, name: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Instance, ...]:
        if not name and not labels:
            raise Refused("no criterion to find instances by", remedy="give a name or labels")
        wanted = dict(labels or {})

        def view(state: CloudState) -> tuple[Instance, ...]:
            return tuple(
                _instance(state, instance)
                for instance in state.instances.values()
                if name in {"", instance.name} and wanted.items() <= instance.labels.items()
            )

        return self._list("find_instances", view, name=name, labels=wanted)

    def get_volume(self, volume_id: str) -> Volume:
        def view(state: CloudState) -> Volume:
            return _volume(state, find(state.volumes, volume_id, "volume"))

        return self._get("get_volume", view, volume_id=volume_id)

    def list_volumes(self) -> tuple[Volume, ...]:
        def view(state: CloudState) -> tuple[Volume, ...]:
            return tuple(_volume(state, volume) for volume in state.volumes.values())[:1000]

        return self._list("list_volumes", view)

    def get_address(self, address: str) -> Address:
        def view(state: CloudState) -> Address:
            known = find(state.addresses, address, "address")
            return Address(known.address, known.instance_id, revision=str(known.revision))

        return self._get("get_address", view, address=address)

    def get_image(self, reference: str) -> Image:
        def view(state: CloudState) -> Image:
            return _image(state, reference)

        return self._get("get_image", view, reference=reference)

    def list_images(self) -> tuple[Image, ...]:
        def view(state: CloudState) -> tuple[Image, ...]:
            return tuple(Image(key, name) for key, name in state.images.items())

        return self._list("list_images", view)

    def find_snapshots(self, volume_id: str, *, name: str) -> tuple[Snapshot, ...]:
        def view(state: CloudState) -> tuple[Snapshot, ...]:
            return tuple(
                Snapshot(item.id, item.volume_id, item.name, item.ready, item.labels)
                for item in state.snapshots.values()
                if (item.volume_id, item.name) == (volume_id, name)
            )

        return self._list("find_snapshots", view, volume_id=volume_id, name=name)

    def find_ports(self, *, name: str) -> tuple[Port, ...]:
        def view(state: CloudState) -> tuple[Port, ...]:
            return tuple(
                Port(port.id, port.name, port.address, port.labels)
                for port in state.ports.values()
                if port.name == name
            )

        return self._list("find_ports", view, name=name)

    def read_host_keys(self, instance_id: str) -> tuple[HostKey, ...]:
        def view(state: CloudState) -> tuple[HostKey, ...]:
            instance = find(state.instances, instance_id, "instance")
            if instance.booted_at > self.cloud.clock.monotonic():
                return ()
            return tuple(HostKey(*key) for key in instance.host_keys)

        return self._get("read_host_keys", view, instance_id=instance_id)

    def list_shortfalls(self, request: InstanceRequest) -> tuple[str, ...]:
        def view(state: CloudState) -> tuple[str, ...]:
            return tuple(list_shortfalls(state, _described(request)))

        return self._get("list_shortfalls", view, name=request.name)

    # acts

    def label_instance(self, instance_id: str, labels: Labels, *, revision: str = "") -> None:
        self._act(
            "label_instance",
            instance_id=instance_id,
            labels=labels.as_mapping(),
            revision=revision,
        )

    def create_port(self, *, name: str, network: str, labels: Labels) -> None:
        self._act("create_port", name=name, network=network, labels=labels.as_mapping())

    def create_instance(self, request: InstanceRequest) -> None:
        self._act("create_instance", **_described(request))

    def start_instance(self, instance_id: str) -> None:
        self._act("start_instance", instance_id=instance_id)

    def stop_instance(self, instance_id: str) -> None:
        self._act("stop_instance", instance_id=instance_id)

    def lock_instance(self, instance_id: str) -> None:
        self._act("lock_instance", instance_id=instance_id)

    def unlock_instance(self, instance_id: str) -> None:
        self._act("unlock_instance", instance_id=instance_id)

    def isolate_instance(self, instance_id: str) -> None:
        self._act("isolate_instance", instance_id=instance_id)

    def reconnect_instance(self, instance_id: str) -> None:
        self._act("reconnect_instance", instance_id=instance_id)

    def snapshot_volume(self, volume_id: str, *, name: str, labels: Labels) -> None:
        self._act("snapshot_volume", volume_id=volume_id, name=name, labels=labels.as_mapping())

    def detach_volume(self, volume_id: str, instance_id: str) -> None:
        self._act("detach_volume", volume_id=volume_id, instance_id=instance_id)

    def attach_volume(self, volume_id: str, instance_id: str, *, mount_point: str) -> None:
        self._act(
            "attach_volume", volume_id=volume_id, instance_id=instance_id, mount_point=mount_point
        )

    def move_address(self, address: str, instance_id: str, *, expected: Address) -> None:
        self._act(
            "move_address", address=address, instance_id=instance_id, expected=asdict(expected)
        )

    def close(self) -> None:
        self.cloud.close()

    def _act(self, name: str, /, **arguments: Any) -> None:
        self.cloud.act(Call(self.actor, name, arguments))

    def _get(self, name: str, view: Callable[[CloudState], _Seen], /, **arguments: Any) -> _Seen:
        return self.cloud.read(
            Call(self.actor, name, arguments, "read"),
            lambda state: view(shown(state, by_id=True)),
            summary=_summarize,
        )

    def _list(self, name: str, view: Callable[[CloudState], _Seen], /, **arguments: Any) -> _Seen:
        return self.cloud.read(
            Call(self.actor, name, arguments, "read"),
            lambda state: view(shown(state, by_id=False)),
            summary=_summarize,
        )


def _described(request: InstanceRequest) -> dict[str, Any]:
    """The request as the history keeps it: private keys are counted, not kept."""
    return {
        "name": request.name,
        "image_id": request.image_id,
        "size": request.size,
        "network": request.network,
        "labels": request.labels.as_mapping(),
        "authorized_keys": request.authorized_keys,
        "port_id": request.port_id,
        "host_private_keys": len(request.host_private_keys),
    }


def _instance(state: CloudState, instance: CloudInstance) -> Instance:
    held = [volume for volume in state.volumes.values() if volume.held_by == instance.id]
    is_changing = instance.busy.startswith("powering") and instance.state != "STOPPED"
    return Instance(
        id=instance.id,
        name=instance.name,
        power=Power.CHANGING if is_changing else _POWERS[instance.state],
        locked=instance.locked,
        busy=instance.busy,
        private_address=instance.private_address if instance.networked else "",
        image=instance.image,
        size=instance.size,
        volumes=tuple(volume.id for volume in held),
        networked=instance.networked,
        labels=dict(instance.labels),
        revision=str(instance.revision),
    )


def _volume(state: CloudState, volume: CloudVolume) -> Volume:
    mounts = volume.mount_points if state.habits.mounts_volumes else {}
    serial = "" if state.habits.mounts_volumes else volume.serial
    return Volume(
        id=volume.id,
        name=volume.name,
        size_bytes=volume.size_bytes,
        filesystem_uuid=volume.filesystem_uuid if state.habits.mounts_volumes else "",
        state=volume.state,
        attachments=tuple(
            Attachment(instance_id, mounts.get(instance_id, ""), serial)
            for instance_id in volume.attached_to
        ),
    )


def _image(state: CloudState, reference: str) -> Image:
    if reference in state.images:
        return Image(reference, state.images[reference])
    named = [key for key, name in state.images.items() if name == reference]
    if not named:
        raise Missing(f"no image {reference}", remedy="choose an existing image")
    if len(named) > 1:
        raise Ambiguous(f"{len(named)} images are called {reference}", remedy="give the id")
    return Image(named[0], reference)


def _summarize(seen: object) -> dict[str, Any]:
    """What the oracle wants to know of a read: power states and host keys."""
    items = seen if isinstance(seen, tuple) else (seen,)
    return {
        "seen": [
            {"id": item.id, "power": item.power.value, "busy": item.busy}
            for item in items
            if isinstance(item, Instance)
        ],
        "host_keys": [[item.algorithm, item.public] for item in items if isinstance(item, HostKey)],
        "count": len(items),
    }
