"""The system disk of a stopped instance, given to a helper as a copy.

Nobody but the hypervisor sees the bytes of a disk of this cloud. A helper gets a volume of its
own: cloned from the one that the instance boots from, or made of an image of its local disk.
Nothing is ever attached to, or mounted from, the original.
"""

from typing import Any, Final

from releve.errors import Busy, Missing, Refused
from releve.model.resources import Power, Role, SystemDisk
from releve.providers.openstack.api import Content, OpenstackApi
from releve.providers.openstack.captures import Captures
from releve.providers.openstack.creation import choose_disk_gib
from releve.providers.openstack.errors import make_error, reading
from releve.providers.openstack.images import Images
from releve.providers.openstack.instances import Instances, read_power, read_task
from releve.providers.openstack.labels import SYSTEM_DISK, read_labels
from releve.providers.openstack.root_disk import find_root_volume
from releve.providers.openstack.volumes import Volumes
from releve.providers.openstack.waiting import wait_until

_COPY_SECONDS: Final = 1800.0
_ATTACH_SECONDS: Final = 180.0
_WHY: Final = (
    "this cloud shows nobody the bytes of a disk; the helper reads a copy, made by the cloud,"
    " so that nothing can write to the original"
)


class SystemDisks:
    def __init__(
        self, api: OpenstackApi, instances: Instances, *, volumes: Volumes, captures: Captures
    ) -> None:
        self._api = api
        self._instances = instances
        self._volumes = volumes
        self._captures = captures
        self._images = Images(api)

    def read(self, instance_id: str) -> SystemDisk:
        self._instances.read(instance_id)
        return SystemDisk("", b"", "", why=_WHY)

    def attach(self, instance_id: str, helper_id: str) -> None:
        what = f"attaching the system disk of {instance_id} to {helper_id}"
        helper, content = self._instances.get(helper_id), self._instances.read(instance_id)
        if helper.labels.get("releve.role") != Role.HELPER:
            raise make_error(
                Refused, what, why=f"{helper_id} is no helper", remedy="Attach it to a helper"
            )
        if read_power(content) is not Power.STOPPED or read_task(content):
            why = f"{instance_id} is not stopped"
            raise make_error(Refused, what, why=why, remedy="Stop it first")
        if instance_id in helper.system_disks:
            why = "it is attached there"
            raise make_error(Busy, what, why=why, remedy="Look at the helper again")
        labels = {key: text for key, text in helper.labels.items() if key.startswith("releve.")}
        copy = self._find_copy(instance_id, run=labels.get("releve.run", ""))
        copy = copy or self._make_copy(content, labels | {SYSTEM_DISK: instance_id}, what=what)
        self._await_volume(copy, what=what)
        body = {"volumeAttachment": {"volumeId": copy}}
        path = ("servers", helper_id, "os-volume_attachments")
        self._api.post("compute", path, body, what=what)
        wait_until(
            lambda: self._volumes.get(copy).state == "in-use", what=what, seconds=_ATTACH_SECONDS
        )

    def detach(self, instance_id: str, helper_id: str) -> None:
        """The copy goes as well."""
        what = f"detaching the system disk of {instance_id} from {helper_id}"
        disks = self._instances.find_system_disks(self._instances.read(helper_id))
        held = [volume for volume, owner in disks.items() if owner == instance_id]
        if not held:
            raise make_error(Missing, what, why="it is not attached there")
        for volume in held:
            path = ("servers", helper_id, "os-volume_attachments", volume)
            self._api.delete("compute", path, what=what)
            self._await_volume(volume, what=what, seconds=_ATTACH_SECONDS)
            self._api.delete("volume", ("volumes", volume), what=what)

    def remove_copies(self, run: str) -> None:
        """Those that an interrupted attach of this run left behind."""
        for content in self._list_copies(run):
            if content["status"] in {"available", "error"}:
                volume = str(content["id"])
                self._api.delete("volume", ("volumes", volume), what=f"deleting copy {volume}")

    def _make_copy(self, content: Content, metadata: dict[str, str], *, what: str) -> str:
        name = f"system-disk-{content['id']}"
        root = find_root_volume(self._api, content)
        body: dict[str, Any] = {"name": name, "metadata": metadata}
        if root:
            source = self._volumes.read(root)
            with reading(what):
                body |= {"source_volid": root, "size": int(source["size"])}
        else:
            image = self._capture(str(content["id"]), metadata, what=what)
            size = choose_disk_gib(image, system_disk="1GiB")
            body |= {"imageRef": str(image["id"]), "size": size}
        made = self._api.post("volume", ("volumes",), {"volume": body}, what=what)
        with reading(what):
            volume_id = str(made["volume"]["id"])
        if not root:
            self._await_volume(volume_id, what=what)
            self._captures.delete(str(image["id"]))
        return volume_id

    def _capture(self, instance_id: str, metadata: dict[str, str], *, what: str) -> Content:
        """One that an interrupted attach left is taken."""
        name = f"releve-system-disk-{instance_id}-{metadata['releve.run']}"
        if not self._images.list_named(name):
            self._captures.capture(instance_id, name=name, labels=metadata)
        wait_until(lambda: self._images.get(name).ready, what=what, seconds=_COPY_SECONDS)
        return self._images.list_named(name)[0]

    def _find_copy(self, instance_id: str, *, run: str) -> str:
        """One that an interrupted attach left, on no instance."""
        for content in self._list_copies(run):
            with reading("reading the copies of system disks"):
                if content["metadata"][SYSTEM_DISK] == instance_id and not content["attachments"]:
                    return str(content["id"])
        return ""

    def _list_copies(self, run: str) -> list[Content]:
        contents = self._api.list_all("volume", ("volumes", "detail"), key="volumes")
        with reading("reading the copies of system disks"):
            return [
                content
                for content in contents
                if content["metadata"].get(SYSTEM_DISK)
                and read_labels(content["metadata"]).get("releve.run") == run
            ]

    def _await_volume(self, volume_id: str, *, what: str, seconds: float = _COPY_SECONDS) -> None:
        def is_free() -> bool:
            volume = self._volumes.get(volume_id)
            if volume.state.startswith("error"):
                why = f"the copy {volume_id} ended as {volume.state}"
                raise make_error(Refused, what, why=why)
            return volume.state == "available"

        wait_until(is_free, what=what, seconds=seconds)
