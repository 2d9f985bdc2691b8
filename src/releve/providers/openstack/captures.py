"""Images of stopped instances, captured by one POST that says whose they are."""

from collections.abc import Mapping
from typing import Final

from releve.errors import Busy, Missing, Refused
from releve.model.resources import Power
from releve.providers.openstack.api import Content, OpenstackApi
from releve.providers.openstack.errors import make_error, reading
from releve.providers.openstack.images import Images, read_image_labels, snapshots_of
from releve.providers.openstack.instances import Instances, read_power, read_task
from releve.providers.openstack.labels import ROOT_OF, read_labels
from releve.providers.openstack.root_disk import find_root_volume
from releve.providers.openstack.waiting import wait_until

_SNAPSHOT_SECONDS: Final = 300.0


class Captures:
    def __init__(self, api: OpenstackApi, instances: Instances, images: Images) -> None:
        self._api = api
        self._instances = instances
        self._images = images

    def capture(self, instance_id: str, *, name: str, labels: Mapping[str, str]) -> None:
        what = f"making image {name} of instance {instance_id}"
        if not labels.get("releve.host") or not labels.get("releve.run"):
            raise Refused(
                f"no image {name} is made of {instance_id}",
                why="its labels name no host and run, so that nobody could delete it again",
                remedy="Give the labels releve.host and releve.run",
            )
        content = self._instances.read(instance_id)
        require_off(content, what=what)
        if self._images.list_named(name):
            raise Busy(
                f"the name {name} is taken",
                why="an image of this name is there already",
                remedy="Look at it: it may be the one that was asked for",
            )
        self._mark_root(content, what=what)
        given = {key: text for key, text in labels.items() if text}
        body = {"createImage": {"name": name, "metadata": given}}
        self._api.post("compute", ("servers", instance_id, "action"), body, what=what)

    def delete(self, image_id: str) -> None:
        """With the snapshots that are all it holds where the instance booted from a volume."""
        content = self._images.read(image_id)
        if not read_image_labels(content).get("releve.run"):
            raise Refused(
                f"image {image_id} is not deleted",
                why="Relève did not make it",
                remedy="Delete it by hand if that is what you want",
            )
        what = f"deleting image {image_id}"
        with reading(what):
            snapshots = snapshots_of(content)
        parents = [self._delete_snapshot(snapshot, what=what) for snapshot in snapshots]
        self._api.delete("image", ("images", image_id), what=what)
        for parent in parents:
            self._delete_root(parent, what=what)

    def _mark_root(self, content: Content, *, what: str) -> None:
        """Cinder keeps a volume that has snapshots, also when its instance is deleted."""
        root = find_root_volume(self._api, content)
        if root:
            with reading(what):
                labels = read_labels(content["metadata"])
            ours = {key: text for key, text in labels.items() if key.startswith("releve.")}
            metadata = ours | {ROOT_OF: str(content["id"])}
            path = ("volumes", root, "metadata")
            self._api.post("volume", path, {"metadata": metadata}, what=what)

    def _delete_snapshot(self, snapshot_id: str, *, what: str) -> str:
        """The volume it is of; empty where the snapshot is gone already."""
        try:
            content = self._api.get("volume", "snapshots", snapshot_id)
        except Missing:
            return ""
        with reading(what):
            parent = str(content["snapshot"]["volume_id"])
        self._api.delete("volume", ("snapshots", snapshot_id), what=what)
        wait_until(lambda: self._is_gone(snapshot_id), what=what, seconds=_SNAPSHOT_SECONDS)
        return parent

    def _is_gone(self, snapshot_id: str) -> bool:
        try:
            content = self._api.get("volume", "snapshots", snapshot_id)
        except Missing:
            return True
        with reading(f"reading snapshot {snapshot_id}"):
            status = str(content["snapshot"]["status"])
        if status not in {"deleting", "deleted"}:
            what = f"deleting snapshot {snapshot_id}"
            raise make_error(Busy, what, why=f"it is {status} again: a volume is made from it")
        return False

    def _delete_root(self, volume_id: str, *, what: str) -> None:
        """What an instance booted from and left behind, marked before its image was made."""
        if not volume_id:
            return
        try:
            volume = self._api.get("volume", "volumes", volume_id)["volume"]
        except Missing:
            return
        with reading(what):
            is_marked = bool(volume["metadata"].get(ROOT_OF))
            is_free = volume["status"] == "available" and not volume["attachments"]
        if is_marked and is_free:
            self._api.delete("volume", ("volumes", volume_id), what=what)


def require_off(content: Content, *, what: str) -> None:
    with reading(what):
        power, task = read_power(content), read_task(content)
    if power is not Power.STOPPED or task:
        why = f"that instance is {task or power.value}"
        raise make_error(Busy, what, why=why, remedy="Stop it first")
