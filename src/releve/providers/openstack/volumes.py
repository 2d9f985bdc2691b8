"""Data volumes: Cinder's, attached and detached through Nova alone, seen as both see them.

Cinder calls a volume available a moment before Nova forgets it, and in use before Nova is done.
A volume is only free, or only attached, once both say so.
"""

from collections.abc import Collection
from typing import Final

from releve.errors import Busy, Missing, Refused
from releve.model.resources import Attachment, Labels, Role, Snapshot, Volume
from releve.providers.openstack.api import Content, OpenstackApi
from releve.providers.openstack.errors import make_error, reading
from releve.providers.openstack.ids import require_id
from releve.providers.openstack.instances import Instances
from releve.providers.openstack.labels import as_metadata, read_labels
from releve.providers.openstack.root_disk import volumes_of
from releve.providers.openstack.stuck import StuckStates

GIB: Final = 2**30
_MOST_VOLUMES: Final = 1000
_LEAVING: Final = "detaching"
_COMING: Final = "attaching"


class Volumes:
    def __init__(self, api: OpenstackApi, instances: Instances) -> None:
        self._api = api
        self._instances = instances
        self._stuck = StuckStates()

    def read(self, volume_id: str) -> Content:
        require_id(volume_id, kind="volume")
        content = self._api.get("volume", "volumes", volume_id)
        with reading(f"reading volume {volume_id}"):
            volume = dict(content["volume"])
            if volume["id"] != volume_id:
                why = "the cloud answered with another one"
                raise make_error(Missing, f"no volume {volume_id}", why=why)
            return volume

    def get(self, volume_id: str) -> Volume:
        """Refused, with what a person can do, where it hangs between two states."""
        content = self.read(volume_id)
        with reading(f"reading volume {volume_id}"):
            volume = describe_volume(content, by_nova=self._list_holders().get(volume_id, set()))
        self._stuck.require_moving(volume)
        return volume

    def list_all(self, *, most: int = _MOST_VOLUMES) -> tuple[Volume, ...]:
        contents = self._api.list_all("volume", ("volumes", "detail"), key="volumes", most=most)
        holders = self._list_holders()
        with reading("reading the list of volumes"):
            return tuple(
                describe_volume(content, by_nova=holders.get(str(content["id"]), set()))
                for content in contents
            )

    def attach(self, volume_id: str, instance_id: str) -> None:
        volume, content = self.get(volume_id), self._instances.read(instance_id)
        what = f"attaching volume {volume_id} to {instance_id}"
        if volume.attachments or volume.state != "available":
            on = ", ".join(held.instance_id for held in volume.attachments)
            raise Busy(
                f"volume {volume_id} is not attached to {instance_id}",
                why=f"it is {volume.state}{f' on {on}' if on else ''}",
                remedy="Look at the volume again; detach it there if that is safe",
            )
        require_fit(volume, content)
        body = {"volumeAttachment": {"volumeId": volume_id}}
        path = ("servers", instance_id, "os-volume_attachments")
        with self._instances.lifted(content):
            self._api.post("compute", path, body, what=what)

    def detach(self, volume_id: str, instance_id: str) -> None:
        volume, content = self.get(volume_id), self._instances.read(instance_id)
        what = f"detaching volume {volume_id} from {instance_id}"
        if instance_id not in {held.instance_id for held in volume.attachments}:
            why = f"it is {volume.state}, and not on this instance"
            raise make_error(Missing, what, why=why, remedy="Look at the volume again")
        if volume.state != "in-use":
            raise make_error(Busy, what, why=f"it is {volume.state}")
        path = ("servers", instance_id, "os-volume_attachments", volume_id)
        with self._instances.lifted(content):
            self._api.delete("compute", path, what=what)

    def find_snapshots(self, volume_id: str, *, name: str) -> tuple[Snapshot, ...]:
        require_id(volume_id, kind="volume")
        contents = self._api.list_all(
            "volume", ("snapshots", "detail"), key="snapshots", params={"volume_id": volume_id}
        )
        with reading(f"reading the snapshots of volume {volume_id}"):
            return tuple(
                describe_snapshot(content)
                for content in contents
                if content["volume_id"] == volume_id and content["name"] == name
            )

    def snapshot(self, volume_id: str, *, name: str, labels: Labels) -> None:
        """Forced: what a stopped instance still holds counts as in use."""
        body = {
            "volume_id": require_id(volume_id, kind="volume"),
            "name": name,
            "metadata": as_metadata(labels),
            "force": True,
        }
        what = f"taking snapshot {name} of volume {volume_id}"
        self._api.post("volume", ("snapshots",), {"snapshot": body}, what=what)

    def _list_holders(self) -> dict[str, set[str]]:
        """Volume to the instances that hold it as Nova sees it."""
        holders: dict[str, set[str]] = {}
        with reading("reading which instances hold volumes"):
            for content in self._instances.list_all():
                for volume in volumes_of(content):
                    holders.setdefault(volume, set()).add(str(content["id"]))
        return holders


def describe_volume(content: Content, *, by_nova: Collection[str]) -> Volume:
    volume_id = str(content["id"])
    by_cinder = {str(item["server_id"]) for item in content["attachments"]}
    return Volume(
        id=volume_id,
        name=str(content["name"] or ""),
        size_bytes=int(content["size"]) * GIB,
        state=judge_state(str(content["status"]), by_cinder=by_cinder, by_nova=set(by_nova)),
        attachments=tuple(
            Attachment(instance_id, device_serial=volume_id)
            for instance_id in sorted(by_cinder | set(by_nova))
        ),
        labels=read_labels(content["metadata"]),
    )


def judge_state(status: str, *, by_cinder: set[str], by_nova: set[str]) -> str:
    """Cinder's word, held back until Nova agrees."""
    if status == "available" and (by_nova or by_cinder):
        return _LEAVING
    if status == "in-use" and by_cinder != by_nova:
        return _COMING if by_cinder - by_nova else _LEAVING
    return status


def require_fit(volume: Volume, instance: Content) -> None:
    role = (instance.get("metadata") or {}).get("releve.role")
    if role == Role.TWIN and volume.labels.get("releve.role") != Role.TWIN:
        raise Refused(
            f"volume {volume.id} is not attached to {instance['id']}",
            why="that instance is a twin and the volume is no twin's",
            remedy="Attach a clone of it",
        )


def describe_snapshot(content: Content) -> Snapshot:
    return Snapshot(
        id=str(content["id"]),
        volume_id=str(content["volume_id"]),
        name=str(content["name"]),
        ready=content["status"] == "available",
        labels=read_labels(content["metadata"]),
    )
