"""Availability zones: an instance is made where its volumes are."""

from collections.abc import Iterable

from releve.errors import Missing, Refused
from releve.providers.openstack.api import OpenstackApi
from releve.providers.openstack.errors import reading
from releve.providers.openstack.ids import is_id
from releve.providers.openstack.names import tell_names


class Zones:
    def __init__(self, api: OpenstackApi, *, planned: str) -> None:
        self._api = api
        self._planned = planned

    def choose(self, volumes: Iterable[str]) -> str:
        """Empty: wherever the cloud likes. Nova and Cinder may name their zones differently."""
        if self._planned:
            return self._planned
        needed = self._list_zones_of(volumes)
        if not needed:
            return ""
        known = self._list_zones()
        shared = sorted(needed & known)
        if len(shared) > 1:
            raise Refused(
                f"the volumes lie in the availability zones {' and '.join(shared)}",
                why="an instance is in one of them",
                remedy="Move a volume, or ask whether this cloud attaches across zones and set"
                " provider.zone in the plan",
            )
        return shared[0] if shared else ""

    def require_planned(self) -> None:
        if not self._planned:
            return
        known = self._list_zones()
        if self._planned not in known:
            raise Missing(
                f"there is no availability zone {self._planned}",
                why=tell_names(known),
                remedy="See what exists with: openstack availability zone list",
            )

    def _list_zones(self) -> set[str]:
        content = self._api.get("compute", "os-availability-zone")
        with reading("reading the availability zones"):
            return {str(item["zoneName"]) for item in content["availabilityZoneInfo"]}

    def _list_zones_of(self, volumes: Iterable[str]) -> set[str]:
        found = set()
        for volume_id in volumes:
            if is_id(volume_id):  # what is no id is told as missing elsewhere
                content = self._read(volume_id)
                found |= {str(content.get("availability_zone") or "")}
        return found - {""}

    def _read(self, volume_id: str) -> dict[str, object]:
        try:
            content = self._api.get("volume", "volumes", volume_id)
        except Missing:
            return {}
        with reading(f"reading volume {volume_id}"):
            return dict(content["volume"])
