"""Custom volumes, known as pool/volume; LXD itself mounts them inside the instance."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from releve.errors import Busy, Missing, Refused
from releve.model.resources import Attachment, Labels, Role, Snapshot, Volume
from releve.plan.sizes import parse_size
from releve.providers.lxd import draft as drafts
from releve.providers.lxd.api import LxdApi
from releve.providers.lxd.draft import Draft
from releve.providers.lxd.errors import make_error, reading
from releve.providers.lxd.instances import Instances
from releve.providers.lxd.labels import pack_labels, read_labels, unpack_labels

_MOST_VOLUMES: Final = 1000


class Volumes:
    def __init__(self, api: LxdApi, instances: Instances) -> None:
        self._api = api
        self._instances = instances

    def get(self, volume_id: str) -> Volume:
        pool, name = split_id(volume_id)
        content = self._api.get(*volume_path(pool, name))
        with reading(f"reading volume {volume_id}"):
            if content["name"] != name:
                raise make_error(Missing, f"no volume {volume_id}", why="LXD named another one")
            holders = [self._hold(user, volume_id) for user in content.get("used_by") or []]
            return describe_volume(pool, content, [hold for hold in holders if hold])

    def list_all(self, *, most: int = _MOST_VOLUMES) -> tuple[Volume, ...]:
        """Attachments here name the instance only."""
        found: list[Volume] = []
        for pool in self.list_pools():
            with reading("reading the list of pools"):
                name = str(pool["name"])
            contents = self._api.get("storage-pools", name, "volumes", "custom", recursion="1")
            with reading(f"reading the volumes of pool {name}"):
                # LXD lists snapshots beside volumes, as volume/snapshot
                whole = [item for item in contents or [] if "/" not in item["name"]]
                found += [describe_volume(name, item, _named_users(item)) for item in whole]
            if len(found) >= most:
                break
        return tuple(found[:most])

    def list_pools(self) -> list[Mapping[str, Any]]:
        pools = self._api.get("storage-pools", recursion="1")
        with reading("reading the list of pools"):
            return [dict(pool) for pool in pools or []]

    def attach(self, volume_id: str, instance: str, *, mount_point: str) -> None:
        pool, name = split_id(volume_id)
        holders = [held.instance_id for held in self.get(volume_id).attachments]
        if holders:
            raise Busy(
                f"volume {volume_id} is attached to {', '.join(holders)}",
                why="a data volume is on one instance at a time",
                remedy="Look at the volume again; detach it there if that is safe",
            )
        self._require_fit(volume_id, instance)
        self._instances.change(
            instance,
            lambda draft: drafts.attach(draft, pool=pool, volume=name, mount_point=mount_point),
            what=f"attaching volume {volume_id} to {instance}",
        )

    def detach(self, volume_id: str, instance: str) -> None:
        pool, name = split_id(volume_id)
        self._instances.change(
            instance,
            lambda draft: drafts.detach(draft, pool=pool, volume=name),
            what=f"detaching volume {volume_id} from {instance}",
        )

    def find_snapshots(self, volume_id: str, *, name: str) -> tuple[Snapshot, ...]:
        pool, volume = split_id(volume_id)
        contents = self._api.get(*volume_path(pool, volume), "snapshots", recursion="1")
        with reading(f"reading the snapshots of volume {volume_id}"):
            snapshots = [describe_snapshot(volume_id, content) for content in contents or []]
        return tuple(snapshot for snapshot in snapshots if snapshot.name == name)

    def snapshot(self, volume_id: str, *, name: str, labels: Labels) -> None:
        pool, volume = split_id(volume_id)
        what = f"taking snapshot {name} of volume {volume_id}"
        path = (*volume_path(pool, volume), "snapshots")
        self._api.post(path, {"name": name}, what=what)
        # LXD takes no description with the first call; the run's id is in the name already
        self._api.put((*path, name), {"description": pack_labels(labels)}, what=what)

    def _require_fit(self, volume_id: str, instance: str) -> None:
        role = self._instances.get(instance).labels.get("releve.role")
        if role == Role.TWIN and self.get(volume_id).labels.get("releve.role") != Role.TWIN:
            raise Refused(
                f"volume {volume_id} is not attached to {instance}",
                why="that instance is a twin and the volume is no twin's",
                remedy="Attach a clone of it",
            )

    def _hold(self, user: str, volume_id: str) -> Attachment | None:
        """Who holds it by this entry of `used_by`; None for a copy that cannot write."""
        attachment = name_user(user, project=self._api.project)
        if attachment is None or not user.startswith("/1.0/instances/"):
            return attachment
        if ":" in attachment.instance_id:  # in another project
            return attachment
        try:
            content = self._instances.read(attachment.instance_id).content
        except Missing:
            return None
        for disk in drafts.volumes_of(Draft.of(content)).values():
            if f"{disk['pool']}/{disk['source']}" == volume_id:
                return Attachment(attachment.instance_id, mount_point=disk.get("path", ""))
        return None


def split_id(volume_id: str) -> tuple[str, str]:
    pool, separator, name = volume_id.partition("/")
    if not (pool and separator and name) or "/" in name:
        raise Missing(
            f"no volume {volume_id!r}",
            why="on LXD a volume is called pool/volume",
            remedy="See what exists with: lxc storage volume list POOL",
        )
    return pool, name


def name_user(url: str, *, project: str) -> Attachment | None:
    """A profile or another project's instance is a holder too, under a name no instance has."""
    split = urlsplit(url)
    kind, _, name = split.path.removeprefix("/1.0/").partition("/")
    name = unquote(name)
    if "/snapshots/" in name or "/backups/" in name:
        return None
    if kind != "instances":
        return Attachment(f"{kind}:{name}")
    other = parse_qs(split.query).get("project", [project])[0]
    return Attachment(name if other == project else f"{other}:{name}")


def describe_volume(pool: str, content: Mapping[str, Any], attachments: list[Attachment]) -> Volume:
    config = content.get("config") or {}
    return Volume(
        id=f"{pool}/{content['name']}",
        name=str(content["name"]),
        size_bytes=parse_size(config["size"]) if config.get("size") else 0,
        filesystem_uuid=str(config.get("user.releve.uuid", "")),
        state="in-use" if attachments else "available",
        attachments=tuple(attachments),
        labels=read_labels(config),
    )


def describe_snapshot(volume_id: str, content: Mapping[str, Any]) -> Snapshot:
    name = str(content["name"]).rsplit("/", maxsplit=1)[-1]
    return Snapshot(
        id=f"{volume_id}/{name}",
        volume_id=volume_id,
        name=name,
        labels=unpack_labels(str(content.get("description", ""))),
    )


def _named_users(content: Mapping[str, Any]) -> list[Attachment]:
    users = [name_user(str(user), project="default") for user in content.get("used_by") or []]
    return [user for user in users if user]


def volume_path(pool: str, volume: str) -> tuple[str, ...]:
    return ("storage-pools", pool, "volumes", "custom", volume)
