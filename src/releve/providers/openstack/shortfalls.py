"""Why a request could not be met, found out without making anything."""

from collections.abc import Iterator, Mapping
from typing import Any

from releve.errors import Ambiguous, Missing, ProviderError, Refused
from releve.model.resources import InstanceRequest
from releve.providers.openstack.api import OpenstackApi
from releve.providers.openstack.creation import Parts, make_boot_disk
from releve.providers.openstack.errors import reading
from releve.providers.openstack.flavors import Flavor, Flavors
from releve.providers.openstack.images import Images
from releve.providers.openstack.isolation import Isolation
from releve.providers.openstack.ports import Ports
from releve.providers.openstack.settings import Settings
from releve.providers.openstack.zones import Zones

_DEFINITE = (Missing, Ambiguous, Refused)


class Shortfalls:
    def __init__(
        self, api: OpenstackApi, settings: Settings, *, ports: Ports, isolation: Isolation
    ) -> None:
        self._api = api
        self._settings = settings
        self._ports = ports
        self._isolation = isolation

    def list_all(self, request: InstanceRequest) -> tuple[str, ...]:
        return tuple(self._find(request))

    def _find(self, request: InstanceRequest) -> Iterator[str]:
        try:
            self._ports.find_network(request.network)
            self._ports.find_security_groups()
        except _DEFINITE as error:
            yield str(error)
        try:
            flavor = Flavors(self._api).find(request.size)
        except _DEFINITE as error:
            yield str(error)
        else:
            yield from self._judge_compute(flavor)
            yield from self._judge_volumes(request, flavor)
        yield from self._judge_ports(request)
        yield from self._judge_zone(request)
        if request.isolated:
            yield from self._isolation.list_shortfalls(request.network)

    def _judge_compute(self, flavor: Flavor) -> Iterator[str]:
        content = self._api.get("compute", "limits")
        with reading("reading the quota of instances"):
            limits = content["limits"]["absolute"]
            wanted = (
                ("instances", "maxTotalInstances", "totalInstancesUsed", 1),
                ("cores", "maxTotalCores", "totalCoresUsed", flavor.cores),
                ("ram", "maxTotalRAMSize", "totalRAMUsed", flavor.memory_mib),
            )
            for name, most, used, needed in wanted:
                yield from _judge(
                    name, most=limits.get(most, -1), used=limits.get(used, 0), needed=needed
                )

    def _judge_volumes(self, request: InstanceRequest, flavor: Flavor) -> Iterator[str]:
        """Only where the instance boots from a volume, which is then made with it."""
        try:
            image = Images(self._api).read(request.image_id)
        except Missing as error:
            yield str(error)
            return
        parts = Parts(flavor, image, zone="")
        disk = make_boot_disk(parts, system_disk=self._settings.system_disk)
        if not disk:
            return
        content = self._api.get("volume", "limits")
        with reading("reading the quota of volumes"):
            limits: Mapping[str, Any] = content["limits"]["absolute"]
            size = int(disk.get("volume_size") or 0)
            wanted = (
                ("volumes", "maxTotalVolumes", "totalVolumesUsed", 1),
                ("gigabytes", "maxTotalVolumeGigabytes", "totalGigabytesUsed", size),
            )
            for name, most, used, needed in wanted:
                yield from _judge(
                    name, most=limits.get(most, -1), used=limits.get(used, 0), needed=needed
                )

    def _judge_ports(self, request: InstanceRequest) -> Iterator[str]:
        if request.port_id:
            return
        project = self._api.session.project_id()
        try:
            content = self._api.get("network", "quotas", project, "details.json")
        except (
            ProviderError
        ):  # an older Neutron, or a role that may not read it: then the POST says
            return
        with reading("reading the quota of ports"):
            quota = content["quota"]["port"]
            yield from _judge("ports", most=quota["limit"], used=quota["used"], needed=1)

    def _judge_zone(self, request: InstanceRequest) -> Iterator[str]:
        zones = Zones(self._api, planned=self._settings.zone)
        try:
            zones.require_planned()
            zones.choose(request.volumes)
        except _DEFINITE as error:
            yield str(error)


def _judge(name: str, *, most: Any, used: Any, needed: int) -> Iterator[str]:
    """A quota of -1 is none."""
    if 0 <= int(most) < int(used) + needed:
        yield f"the quota of {name} is {most}, of which {used} are used and {needed} more needed"
