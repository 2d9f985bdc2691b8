"""Volumes of twins: empty ones and clones, made with their labels and deleted by them."""

from collections.abc import Mapping
from typing import Final

from releve.errors import Busy, Missing, Refused
from releve.model.deletion import require_criterion, require_deletable_volume
from releve.model.resources import Labels, Volume
from releve.providers.lxd.api import LxdApi
from releve.providers.lxd.errors import reading
from releve.providers.lxd.labels import PREFIX, as_config
from releve.providers.lxd.volumes import Volumes, split_id, volume_path

_ALL: Final = 100_000
_COPY_SECONDS: Final = 3600.0  # where the pool has no copy-on-write, every byte is copied


class Copies:
    def __init__(self, api: LxdApi, volumes: Volumes, *, pool: str) -> None:
        self._api = api
        self._volumes = volumes
        self._pool = pool

    def find(self, labels: Mapping[str, str]) -> tuple[Volume, ...]:
        require_criterion(labels, kind="volume")
        found = self._volumes.list_all(most=_ALL)
        return tuple(volume for volume in found if labels.items() <= volume.labels.items())

    def create(self, *, name: str, size_bytes: int, labels: Labels) -> None:
        if not self._pool:
            raise Refused(
                f"volume {name} is not made",
                why="the plan names no storage pool",
                remedy="Set provider.pool in the plan",
            )
        config = as_config(labels) | {"size": f"{size_bytes}B"}
        self._make(self._pool, {"name": name, "config": config}, what=f"making volume {name}")

    def clone(self, volume_id: str, *, name: str, labels: Labels) -> None:
        """In the same pool; at one moment where the pool has copy-on-write."""
        pool, source = split_id(volume_id)
        content = self._api.get(*volume_path(pool, source))
        with reading(f"reading volume {volume_id}"):
            kept = {
                str(key): str(text)
                for key, text in content["config"].items()
                if not str(key).startswith(PREFIX)  # its size, and whose numbers own its files
            }
        origin = {"type": "copy", "pool": pool, "name": source, "volume_only": True}
        body = {"name": name, "config": kept | as_config(labels), "source": origin}
        self._make(pool, body, what=f"cloning volume {volume_id} as {name}")

    def delete(self, volume_id: str) -> None:
        volume = self._volumes.get(volume_id)
        require_deletable_volume(volume)
        if volume.attachments:
            raise Busy(
                f"volume {volume_id} is not deleted",
                why=f"it is attached to {volume.attachments[0].instance_id}",
                remedy="Detach it, or delete that instance",
            )
        self._api.delete(volume_path(*split_id(volume_id)), what=f"deleting volume {volume_id}")

    def _make(self, pool: str, body: Mapping[str, object], *, what: str) -> None:
        name = str(body["name"])
        try:
            self._volumes.get(f"{pool}/{name}")
        except Missing:
            path = ("storage-pools", pool, "volumes", "custom")
            self._api.post(path, body, what=what, wait=_COPY_SECONDS)
            return
        raise Busy(
            f"the name {name} is taken",
            why=f"a volume of this name is in pool {pool} already",
            remedy="Look at it: it may be the one that was asked for",
        )
