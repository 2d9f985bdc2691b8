"""Volumes of twins: empty ones and clones, made with their labels and deleted by them."""

from collections.abc import Mapping
from typing import Any, Final

from releve.errors import Busy
from releve.model.deletion import require_criterion, require_deletable_volume
from releve.model.resources import Labels, Volume
from releve.providers.openstack.api import OpenstackApi
from releve.providers.openstack.errors import make_error, reading
from releve.providers.openstack.labels import as_metadata, carries
from releve.providers.openstack.volumes import GIB, Volumes

_ALL: Final = 100_000
_COPIED: Final = frozenset({"available", "in-use"})


class Copies:
    def __init__(self, api: OpenstackApi, volumes: Volumes, *, zone: str) -> None:
        self._api = api
        self._volumes = volumes
        self._zone = zone

    def find(self, labels: Mapping[str, str]) -> tuple[Volume, ...]:
        require_criterion(labels, kind="volume")
        found = self._volumes.list_all(most=_ALL)
        return tuple(volume for volume in found if carries(volume.labels, labels))

    def create(self, *, name: str, size_bytes: int, labels: Labels) -> None:
        """Whole GiB, which is all that Cinder counts in."""
        body: dict[str, Any] = {"size": max(1, -(-size_bytes // GIB))}
        body |= {"availability_zone": self._zone} if self._zone else {}
        self._make(name, body, labels=labels, what=f"making volume {name}")

    def clone(self, volume_id: str, *, name: str, labels: Labels) -> None:
        """Of one moment where the storage behind Cinder has snapshots, which nearly all have."""
        what, source = f"cloning volume {volume_id} as {name}", self._volumes.read(volume_id)
        with reading(what):
            if source["status"] not in _COPIED:
                raise make_error(Busy, what, why=f"it is {source['status']}")
            body = {
                "source_volid": volume_id,
                "size": int(source["size"]),
                "availability_zone": str(source["availability_zone"]),
            }
        self._make(name, body, labels=labels, what=what)

    def delete(self, volume_id: str) -> None:
        volume = self._volumes.get(volume_id)
        require_deletable_volume(volume)
        if volume.attachments:
            raise Busy(
                f"volume {volume_id} is not deleted",
                why=f"it is attached to {volume.attachments[0].instance_id}",
                remedy="Detach it, or delete that instance",
            )
        self._api.delete("volume", ("volumes", volume_id), what=f"deleting volume {volume_id}")

    def _make(self, name: str, body: Mapping[str, Any], *, labels: Labels, what: str) -> None:
        """Cinder does not mind two of one name."""
        if any(volume.name == name for volume in self._volumes.list_all(most=_ALL)):
            raise Busy(
                f"the name {name} is taken",
                why="a volume of this name is there already",
                remedy="Look at it: it may be the one that was asked for",
            )
        volume = {"name": name, "metadata": as_metadata(labels), **body}
        self._api.post("volume", ("volumes",), {"volume": volume}, what=what)
