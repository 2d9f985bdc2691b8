"""LXD or Incus as a provider: containers, custom volumes, network forwards."""

import os
from collections.abc import Mapping

from releve.errors import Missing, Refused
from releve.model.deletion import require_deletable_instance
from releve.model.resources import (
    Address,
    Capabilities,
    HostKey,
    Image,
    Instance,
    InstanceRequest,
    Labels,
    Port,
    Power,
    Snapshot,
    SystemDisk,
    Volume,
)
from releve.ports.provider import Provider
from releve.providers.lxd import captures, creation, draft, host_keys, shortfalls
from releve.providers.lxd.addresses import Addresses
from releve.providers.lxd.api import LxdApi
from releve.providers.lxd.captures import Capture
from releve.providers.lxd.copies import Copies
from releve.providers.lxd.endpoint import resolve_endpoint
from releve.providers.lxd.errors import reading
from releve.providers.lxd.images import Images
from releve.providers.lxd.instances import Instances
from releve.providers.lxd.isolation import Isolation
from releve.providers.lxd.pools import holds_volumes, is_copy_on_write
from releve.providers.lxd.system_disk import SystemDisks
from releve.providers.lxd.volumes import Volumes


class LxdCloud(Provider):
    """Instance ids are names, which LXD keeps unique; the first connection is made at once."""

    kind = "lxd"

    def __init__(
        self,
        *,
        endpoint: str = "",
        project: str = "default",
        network: str = "",
        pool: str = "",
        timeout_seconds: float = 30.0,
    ) -> None:
        url = resolve_endpoint(endpoint, os.environ)
        self._api = LxdApi(url, project=project, timeout_seconds=timeout_seconds)
        self._network, self._pool = network, pool
        self._instances = Instances(self._api)
        self._volumes = Volumes(self._api, self._instances)
        self._addresses = Addresses(self._api, self._instances, network=network)
        self._images = Images(self._api)
        self._copies = Copies(self._api, self._volumes, pool=pool)
        self._system_disks = SystemDisks(self._api, self._instances, url=url)
        self.capabilities = Capabilities(
            ports=False, snapshots=self._has_cheap_snapshots(), locks=True, settle_seconds=0.0
        )

    def get_instance(self, instance_id: str) -> Instance:
        return self._instances.get(instance_id)

    def find_instances(
        self, *, name: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Instance, ...]:
        return self._instances.find(name=name, labels=labels or {})

    def get_volume(self, volume_id: str) -> Volume:
        return self._volumes.get(volume_id)

    def list_volumes(self) -> tuple[Volume, ...]:
        return self._volumes.list_all()

    def get_address(self, address: str) -> Address:
        return self._addresses.get(address)

    def get_image(self, reference: str) -> Image:
        return self._images.get(reference)

    def list_images(self) -> tuple[Image, ...]:
        return self._images.list_all()

    def find_snapshots(self, volume_id: str, *, name: str) -> tuple[Snapshot, ...]:
        return self._volumes.find_snapshots(volume_id, name=name)

    def find_ports(self, *, name: str) -> tuple[Port, ...]:
        del name
        return ()

    def read_host_keys(self, instance_id: str) -> tuple[HostKey, ...]:
        """Only of a running instance: before its first start the files are the image's."""
        if self.get_instance(instance_id).power is not Power.RUNNING:
            return ()
        return host_keys.read_host_keys(self._api, instance_id)

    def list_shortfalls(self, request: InstanceRequest) -> tuple[str, ...]:
        return shortfalls.list_shortfalls(
            self._api, request, network=self._network, pool=self._pool
        )

    def label_instance(self, instance_id: str, labels: Labels, *, revision: str = "") -> None:
        self._instances.label(instance_id, labels, revision=revision)

    def create_port(self, *, name: str, network: str, labels: Labels) -> None:
        raise Refused(
            f"no port {name} is made for {labels.host} on network {network}",
            why="on LXD a port is made with its instance",
            remedy="Create the instance without a port",
        )

    def delete_port(self, port_id: str) -> None:
        raise Missing(
            f"there is no port {port_id}",
            why="on LXD a port is made with its instance, and goes with it",
            remedy="Look at the instance",
        )

    def create_instance(self, request: InstanceRequest) -> None:
        creation.create_instance(self._api, request, network=self._network, pool=self._pool)

    def start_instance(self, instance_id: str) -> None:
        self._instances.start(instance_id)

    def stop_instance(self, instance_id: str) -> None:
        self._instances.stop(instance_id)

    def lock_instance(self, instance_id: str) -> None:
        self._instances.change(instance_id, draft.lock, what=f"locking instance {instance_id}")

    def unlock_instance(self, instance_id: str) -> None:
        self._instances.change(instance_id, draft.unlock, what=f"unlocking instance {instance_id}")

    def isolate_instance(self, instance_id: str) -> None:
        self._instances.isolate(instance_id)

    def reconnect_instance(self, instance_id: str) -> None:
        what = f"reconnecting instance {instance_id}"
        self._instances.change(instance_id, draft.reconnect, what=what)

    def snapshot_volume(self, volume_id: str, *, name: str, labels: Labels) -> None:
        self._volumes.snapshot(volume_id, name=name, labels=labels)

    def detach_volume(self, volume_id: str, instance_id: str) -> None:
        self._volumes.detach(volume_id, instance_id)

    def attach_volume(self, volume_id: str, instance_id: str, *, mount_point: str) -> None:
        self._volumes.attach(volume_id, instance_id, mount_point=mount_point)

    def move_address(self, address: str, instance_id: str, *, expected: Address) -> None:
        self._addresses.move(address, instance_id, expected=expected)

    def find_volumes(self, labels: Mapping[str, str]) -> tuple[Volume, ...]:
        return self._copies.find(labels)

    def find_images(self, labels: Mapping[str, str]) -> tuple[Image, ...]:
        return self._images.find(labels)

    def read_system_disk(self, instance_id: str) -> SystemDisk:
        return self._system_disks.read(instance_id)

    def delete_instance(self, instance_id: str) -> None:
        """The last isolated instance takes the isolated network with it."""
        instance = self.get_instance(instance_id)
        volumes = [self.get_volume(volume_id) for volume_id in instance.volumes]
        require_deletable_instance(instance, volumes)
        self._instances.delete(instance_id)
        if instance.isolated:
            Isolation(self._api, network=self._network).remove_unused()

    def create_volume(self, *, name: str, size_bytes: int, labels: Labels) -> None:
        self._copies.create(name=name, size_bytes=size_bytes, labels=labels)

    def clone_volume(self, volume_id: str, *, name: str, labels: Labels) -> None:
        self._copies.clone(volume_id, name=name, labels=labels)

    def delete_volume(self, volume_id: str) -> None:
        self._copies.delete(volume_id)

    def capture_image(self, instance_id: str, *, name: str, labels: Mapping[str, str]) -> None:
        capture = Capture(instance_id, name=name, labels=labels)
        captures.capture_image(self._api, capture, pool=self._pool)

    def delete_image(self, image_id: str) -> None:
        self._images.delete(image_id)

    def attach_system_disk(self, instance_id: str, helper_id: str, *, mount_point: str) -> None:
        self._system_disks.attach(instance_id, helper_id, mount_point=mount_point)

    def detach_system_disk(self, instance_id: str, helper_id: str) -> None:
        self._system_disks.detach(instance_id, helper_id)

    def close(self) -> None:
        self._api.close()

    def _has_cheap_snapshots(self) -> bool:
        """Only where every pool that holds volumes has them: a host's may lie in any."""
        pools = self._volumes.list_pools()
        with reading("reading the list of pools"):
            holding = [pool for pool in pools if holds_volumes(pool)]
            return bool(holding) and all(is_copy_on_write(pool) for pool in holding)
