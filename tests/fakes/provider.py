"""The provider port over a fake cloud."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from releve.model.resources import (
    Address,
    Capabilities,
    HostKey,
    Image,
    Instance,
    InstanceRequest,
    Labels,
    Port,
    Snapshot,
    SystemDisk,
    Volume,
)
from releve.ports.provider import Provider
from tests.fakes.cloud import Call, FakeCloud
from tests.fakes.cloud_file import Actor
from tests.fakes.cloud_rules import find, list_shortfalls
from tests.fakes.cloud_state import CloudState, shown
from tests.fakes.provider_views import (
    describe_image,
    describe_instance,
    describe_request,
    describe_system_disk,
    describe_volume,
    list_images,
    require_criterion,
    summarize,
)

_Seen = TypeVar("_Seen")


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
            return describe_instance(state, find(state.instances, instance_id, "instance"))

        return self._get("get_instance", view, instance_id=instance_id)

    def find_instances(
        self, *, name: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Instance, ...]:
        if not name:
            require_criterion(labels, "instances")
        wanted = dict(labels or {})

        def view(state: CloudState) -> tuple[Instance, ...]:
            return tuple(
                describe_instance(state, instance)
                for instance in state.instances.values()
                if name in {"", instance.name} and wanted.items() <= instance.labels.items()
            )

        return self._list("find_instances", view, name=name, labels=wanted)

    def get_volume(self, volume_id: str) -> Volume:
        def view(state: CloudState) -> Volume:
            return describe_volume(state, find(state.volumes, volume_id, "volume"))

        return self._get("get_volume", view, volume_id=volume_id)

    def list_volumes(self) -> tuple[Volume, ...]:
        def view(state: CloudState) -> tuple[Volume, ...]:
            return tuple(describe_volume(state, volume) for volume in state.volumes.values())[:1000]

        return self._list("list_volumes", view)

    def find_volumes(self, labels: Mapping[str, str]) -> tuple[Volume, ...]:
        require_criterion(labels, "volumes")

        def view(state: CloudState) -> tuple[Volume, ...]:
            return tuple(
                describe_volume(state, volume)
                for volume in state.volumes.values()
                if labels.items() <= volume.labels.items()
            )

        return self._list("find_volumes", view, labels=dict(labels))

    def get_address(self, address: str) -> Address:
        def view(state: CloudState) -> Address:
            known = find(state.addresses, address, "address")
            return Address(
                known.address,
                known.instance_id,
                revision=str(known.revision),
                with_port=state.habits.addresses_are_ports,
            )

        return self._get("get_address", view, address=address)

    def get_image(self, reference: str) -> Image:
        def view(state: CloudState) -> Image:
            return describe_image(state, reference)

        return self._get("get_image", view, reference=reference)

    def list_images(self) -> tuple[Image, ...]:
        def view(state: CloudState) -> tuple[Image, ...]:
            return list_images(state)

        return self._list("list_images", view)

    def find_images(self, labels: Mapping[str, str]) -> tuple[Image, ...]:
        require_criterion(labels, "images")

        def view(state: CloudState) -> tuple[Image, ...]:
            return tuple(
                image for image in list_images(state) if labels.items() <= image.labels.items()
            )

        return self._list("find_images", view, labels=dict(labels))

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
                Port(port.id, port.name, port.address, port.labels, port.instance_id)
                for port in state.ports.values()
                if port.name == name
            )

        return self._list("find_ports", view, name=name)

    def read_host_keys(self, instance_id: str) -> tuple[HostKey, ...]:
        def view(state: CloudState) -> tuple[HostKey, ...]:
            instance = find(state.instances, instance_id, "instance")
            if instance.booted_at > self.cloud.now:
                return ()
            return tuple(HostKey(*key) for key in instance.host_keys)

        return self._get("read_host_keys", view, instance_id=instance_id)

    def list_shortfalls(self, request: InstanceRequest) -> tuple[str, ...]:
        def view(state: CloudState) -> tuple[str, ...]:
            return tuple(list_shortfalls(state, describe_request(request)))

        return self._get("list_shortfalls", view, name=request.name)

    def read_system_disk(self, instance_id: str) -> SystemDisk:
        def view(state: CloudState) -> SystemDisk:
            return describe_system_disk(state, find(state.instances, instance_id, "instance"))

        return self._get("read_system_disk", view, instance_id=instance_id)

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

    def delete_port(self, port_id: str) -> None:
        self._act("delete_port", port_id=port_id)

    def create_instance(self, request: InstanceRequest) -> None:
        self._act("create_instance", **describe_request(request))

    def delete_instance(self, instance_id: str) -> None:
        self._act("delete_instance", instance_id=instance_id)

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

    def create_volume(self, *, name: str, size_bytes: int, labels: Labels) -> None:
        self._act("create_volume", name=name, size_bytes=size_bytes, labels=labels.as_mapping())

    def clone_volume(self, volume_id: str, *, name: str, labels: Labels) -> None:
        self._act("clone_volume", volume_id=volume_id, name=name, labels=labels.as_mapping())

    def delete_volume(self, volume_id: str) -> None:
        self._act("delete_volume", volume_id=volume_id)

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

    def capture_image(self, instance_id: str, *, name: str, labels: Mapping[str, str]) -> None:
        self._act("capture_image", instance_id=instance_id, name=name, labels=dict(labels))

    def delete_image(self, image_id: str) -> None:
        self._act("delete_image", image_id=image_id)

    def attach_system_disk(self, instance_id: str, helper_id: str, *, mount_point: str) -> None:
        self._act(
            "attach_system_disk",
            instance_id=instance_id,
            helper_id=helper_id,
            mount_point=mount_point,
        )

    def detach_system_disk(self, instance_id: str, helper_id: str) -> None:
        self._act("detach_system_disk", instance_id=instance_id, helper_id=helper_id)

    def close(self) -> None:
        self.cloud.close()

    def _act(self, name: str, /, **arguments: Any) -> None:
        self.cloud.act(Call(self.actor, name, arguments))

    def _get(self, name: str, view: Callable[[CloudState], _Seen], /, **arguments: Any) -> _Seen:
        return self.cloud.read(
            Call(self.actor, name, arguments, "read"),
            lambda state: view(shown(state, by_id=True)),
            summary=summarize,
        )

    def _list(self, name: str, view: Callable[[CloudState], _Seen], /, **arguments: Any) -> _Seen:
        return self.cloud.read(
            Call(self.actor, name, arguments, "read"),
            lambda state: view(shown(state, by_id=False)),
            summary=summarize,
        )
