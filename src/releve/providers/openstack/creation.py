"""One new instance: looked for first, then made by one POST that says whose it is."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from releve.errors import Busy, Refused
from releve.model.resources import InstanceRequest
from releve.plan.sizes import parse_size
from releve.providers.openstack.api import Content, OpenstackApi
from releve.providers.openstack.errors import make_error, reading
from releve.providers.openstack.flavors import Flavor, Flavors
from releve.providers.openstack.images import Images, root_snapshot_of
from releve.providers.openstack.instances import YES, Instances
from releve.providers.openstack.isolation import Isolation
from releve.providers.openstack.labels import BASE_IMAGE, ISOLATED, OFF, as_metadata, unpack_labels
from releve.providers.openstack.ports import PortDraft, Ports, provide_port
from releve.providers.openstack.settings import Settings
from releve.providers.openstack.user_data import make_user_data
from releve.providers.openstack.volumes import GIB
from releve.providers.openstack.zones import Zones

SMALLEST_DISK_GIB: Final = 10
_BUILD_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Parts:
    """What a request is met from, read before anything is made."""

    flavor: Flavor
    image: Content
    zone: str


class Creation:
    def __init__(
        self, api: OpenstackApi, settings: Settings, *, ports: Ports, isolation: Isolation
    ) -> None:
        self._api = api
        self._settings = settings
        self._ports = ports
        self._isolation = isolation
        self._instances = Instances(api, ports)
        self._zones = Zones(api, planned=settings.zone)

    def create(self, request: InstanceRequest) -> None:
        """Busy where the name is taken: Nova itself would make a second one."""
        user_data = make_user_data(request)
        if request.isolated and request.port_id:
            raise Refused(
                f"instance {request.name} is not made",
                why="a port is on the hosts' own network, and an isolated instance is not",
                remedy="Create it without a port",
            )
        if self._instances.list_named(request.name):
            raise Busy(
                f"the name {request.name} is taken",
                why="an instance of this name is there already",
                remedy="Look at it: it may be the one that was asked for",
            )
        parts = self.find_parts(request)
        server = make_body(request, parts, user_data=user_data, system_disk=self._settings)
        server["networks"] = [{"port": self._provide_port(request)}]
        what = f"creating instance {request.name}"
        content = self._api.post("compute", ("servers",), {"server": server}, what=what)
        if not request.start:
            with reading(what):
                self._bring_off(str(content["server"]["id"]), what=what)

    def find_parts(self, request: InstanceRequest) -> Parts:
        flavor = Flavors(self._api).find(request.size)
        image = Images(self._api).read(request.image_id)
        return Parts(flavor, image, self._zones.choose(request.volumes))

    def _provide_port(self, request: InstanceRequest) -> str:
        """Made first, so that a second create of the same name cannot get it."""
        if request.port_id:
            require_free(self._ports.read(request.port_id), request)
            return request.port_id
        if request.isolated:
            return self._isolation.provide_port(request)
        network = self._ports.find_network(request.network)
        draft = PortDraft(
            request.name, str(network["id"]), request.labels, self._ports.find_security_groups()
        )
        return provide_port(self._ports, draft)

    def _bring_off(self, instance_id: str, *, what: str) -> None:
        """It turns itself off before its services start; one without cloud-init is stopped."""
        built_until = time.monotonic() + _BUILD_SECONDS
        off_until = built_until
        while True:
            content = self._instances.read(instance_id)
            now = time.monotonic()
            if content["status"] in {"SHUTOFF", "ERROR"}:
                return
            if content["status"] == "ACTIVE" and off_until == built_until:
                off_until = now + self._settings.off_seconds
            if now > off_until:
                break
            time.sleep(_POLL_SECONDS)
        if content["status"] != "ACTIVE":
            why = f"it is still {content['status']} after {_BUILD_SECONDS:g} s"
            raise make_error(Busy, what, why=why)
        self._instances.stop(instance_id)


def require_free(port: Content, request: InstanceRequest) -> None:
    """Nova marks a port as in use only while it builds; until then its name says whose it is."""
    with reading(f"reading port {request.port_id}"):
        holder, name = str(port["device_id"] or ""), str(port["name"])
        is_ours = "releve.run" in unpack_labels(port.get("description", ""))
    if holder or (is_ours and name != request.name):
        raise Busy(
            f"port {request.port_id} is in use",
            why=f"it is on {holder}" if holder else f"it is reserved for {name}",
            remedy="Look at it again",
        )


def make_body(
    request: InstanceRequest, parts: Parts, *, user_data: str, system_disk: Settings
) -> dict[str, Any]:
    """All but the network."""
    metadata = as_metadata(request.labels)
    metadata |= {ISOLATED: YES} if request.isolated else {}
    metadata |= {OFF: YES} if not request.start else {}
    body: dict[str, Any] = {
        "name": request.name,
        "flavorRef": parts.flavor.id,
        "imageRef": request.image_id,
        "user_data": user_data,
        "config_drive": True,
    }
    disk = make_boot_disk(parts, system_disk=system_disk.system_disk)
    if disk:
        # Nova tells no image of an instance that boots from a volume
        metadata |= {BASE_IMAGE: request.image_id}
        body["block_device_mapping_v2"] = [disk]
        body["imageRef"] = "" if disk["source_type"] == "snapshot" else request.image_id
    if parts.zone:
        body["availability_zone"] = parts.zone
    return body | {"metadata": metadata}


def make_boot_disk(parts: Parts, *, system_disk: str) -> dict[str, Any]:
    """Empty where the flavor's own disk is to be used."""
    snapshot = root_snapshot_of(parts.image)
    if parts.flavor.disk_gib and not system_disk and not snapshot:
        return {}
    disk = {
        "boot_index": 0,
        "source_type": "snapshot" if snapshot else "image",
        "uuid": snapshot or str(parts.image["id"]),
        "destination_type": "volume",
        "delete_on_termination": True,
    }
    size = choose_disk_gib(parts.image, system_disk=system_disk)
    return disk | ({} if snapshot else {"volume_size": size})


def choose_disk_gib(image: Mapping[str, Any], *, system_disk: str) -> int:
    """What the plan says; else what the image needs, and never less than is of use."""
    least = int(image.get("min_disk") or 0)
    whole = -(-int(image.get("virtual_size") or image.get("size") or 0) // GIB)
    planned = -(-parse_size(system_disk) // GIB) if system_disk else SMALLEST_DISK_GIB
    return max(least, whole, planned)
