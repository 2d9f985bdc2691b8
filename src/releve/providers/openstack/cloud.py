"""An OpenStack cloud as a provider: servers, volumes, ports, floating IPs, images."""

from collections.abc import Mapping
from typing import Final

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
from releve.providers.openstack import host_keys
from releve.providers.openstack.abilities import list_notes, read_abilities
from releve.providers.openstack.addresses import Addresses
from releve.providers.openstack.api import OpenstackApi
from releve.providers.openstack.captures import Captures
from releve.providers.openstack.copies import Copies
from releve.providers.openstack.creation import Creation
from releve.providers.openstack.cut_off import CutOff
from releve.providers.openstack.deletion import Deletion
from releve.providers.openstack.images import Images
from releve.providers.openstack.instances import Instances
from releve.providers.openstack.isolation import Isolation
from releve.providers.openstack.ports import PortDraft, Ports
from releve.providers.openstack.session import CloudSession
from releve.providers.openstack.settings import Settings
from releve.providers.openstack.shortfalls import Shortfalls
from releve.providers.openstack.system_disk import SystemDisks
from releve.providers.openstack.volumes import Volumes

# How long an act whose answer was lost may take to show: a create waits in a queue of the API.
SETTLE_SECONDS: Final = 10.0
POLL_SECONDS: Final = 1.0  # clouds count the requests of a project, and answer 429


class OpenstackCloud(Provider):
    """Ids are UUIDs; the first connection is made at once."""

    kind = "openstack"

    def __init__(
        self,
        cloud: str,
        *,
        region: str = "",
        settings: Settings | None = None,
        timeout_seconds: float = 60.0,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        settings = settings or Settings()
        self._session = CloudSession(cloud, region=region, timeout_seconds=timeout_seconds)
        api = self._api = OpenstackApi(self._session)
        abilities = read_abilities(api)
        self._ports = Ports(api, network=settings.network, security_groups=settings.security_groups)
        self._instances = Instances(api, self._ports)
        self._volumes = Volumes(api, self._instances)
        self._images = Images(api)
        self._copies = Copies(api, self._volumes, zone=settings.zone)
        self._captures = Captures(api, self._instances, self._images)
        self._cut_off = CutOff(api, self._instances, ports=self._ports, abilities=abilities)
        self._addresses = Addresses(
            api, self._instances, ports=self._ports, cut_off=self._cut_off, abilities=abilities
        )
        isolation = Isolation(api, settings, ports=self._ports, abilities=abilities)
        self._creation = Creation(api, settings, ports=self._ports, isolation=isolation)
        self._shortfalls = Shortfalls(api, settings, ports=self._ports, isolation=isolation)
        self._system_disks = SystemDisks(
            api, self._instances, volumes=self._volumes, captures=self._captures
        )
        self._deletion = Deletion(
            api,
            self._instances,
            ports=self._ports,
            volumes=self._volumes,
            isolation=isolation,
            system_disks=self._system_disks,
        )
        self.capabilities = Capabilities(
            ports=True,
            snapshots=False,  # nobody outside can tell whether they are copy-on-write
            locks=abilities.tells_lock,
            settle_seconds=settle_seconds,
            notes=list_notes(abilities),
            poll_seconds=POLL_SECONDS,
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

    def find_volumes(self, labels: Mapping[str, str]) -> tuple[Volume, ...]:
        return self._copies.find(labels)

    def get_address(self, address: str) -> Address:
        return self._addresses.get(address)

    def get_image(self, reference: str) -> Image:
        return self._images.get(reference)

    def list_images(self) -> tuple[Image, ...]:
        return self._images.list_all()

    def find_images(self, labels: Mapping[str, str]) -> tuple[Image, ...]:
        return self._images.find(labels)

    def find_snapshots(self, volume_id: str, *, name: str) -> tuple[Snapshot, ...]:
        return self._volumes.find_snapshots(volume_id, name=name)

    def find_ports(self, *, name: str) -> tuple[Port, ...]:
        return self._ports.find(name)

    def read_host_keys(self, instance_id: str) -> tuple[HostKey, ...]:
        return host_keys.read_host_keys(self._api, instance_id)

    def list_shortfalls(self, request: InstanceRequest) -> tuple[str, ...]:
        return self._shortfalls.list_all(request)

    def read_system_disk(self, instance_id: str) -> SystemDisk:
        return self._system_disks.read(instance_id)

    def label_instance(self, instance_id: str, labels: Labels, *, revision: str = "") -> None:
        self._instances.label(instance_id, labels, revision=revision)

    def create_port(self, *, name: str, network: str, labels: Labels) -> None:
        network_id = str(self._ports.find_network(network)["id"])
        groups = self._ports.find_security_groups()
        self._ports.create(PortDraft(name, network_id, labels, groups))

    def delete_port(self, port_id: str) -> None:
        self._deletion.delete_port(port_id)

    def create_instance(self, request: InstanceRequest) -> None:
        self._creation.create(request)

    def delete_instance(self, instance_id: str) -> None:
        self._deletion.delete(instance_id)

    def start_instance(self, instance_id: str) -> None:
        self._instances.start(instance_id)

    def stop_instance(self, instance_id: str) -> None:
        self._instances.stop(instance_id)

    def lock_instance(self, instance_id: str) -> None:
        self._instances.lock(instance_id)

    def unlock_instance(self, instance_id: str) -> None:
        self._instances.unlock(instance_id)

    def isolate_instance(self, instance_id: str) -> None:
        self._cut_off.isolate(instance_id)

    def reconnect_instance(self, instance_id: str) -> None:
        self._cut_off.reconnect(instance_id)

    def snapshot_volume(self, volume_id: str, *, name: str, labels: Labels) -> None:
        self._volumes.snapshot(volume_id, name=name, labels=labels)

    def create_volume(self, *, name: str, size_bytes: int, labels: Labels) -> None:
        self._copies.create(name=name, size_bytes=size_bytes, labels=labels)

    def clone_volume(self, volume_id: str, *, name: str, labels: Labels) -> None:
        self._copies.clone(volume_id, name=name, labels=labels)

    def delete_volume(self, volume_id: str) -> None:
        self._copies.delete(volume_id)

    def detach_volume(self, volume_id: str, instance_id: str) -> None:
        self._volumes.detach(volume_id, instance_id)

    def attach_volume(self, volume_id: str, instance_id: str, *, mount_point: str) -> None:
        del mount_point  # the guest mounts it
        self._volumes.attach(volume_id, instance_id)

    def move_address(self, address: str, instance_id: str, *, expected: Address) -> None:
        self._addresses.move(address, instance_id, expected=expected)

    def capture_image(self, instance_id: str, *, name: str, labels: Mapping[str, str]) -> None:
        self._captures.capture(instance_id, name=name, labels=labels)

    def delete_image(self, image_id: str) -> None:
        self._captures.delete(image_id)

    def attach_system_disk(self, instance_id: str, helper_id: str, *, mount_point: str) -> None:
        del mount_point  # the guest mounts it
        self._system_disks.attach(instance_id, helper_id)

    def detach_system_disk(self, instance_id: str, helper_id: str) -> None:
        self._system_disks.detach(instance_id, helper_id)

    def close(self) -> None:
        self._session.close()
