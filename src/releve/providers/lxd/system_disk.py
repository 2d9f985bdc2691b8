"""The system disk of a stopped instance: read from outside, and given to a helper to read.

Nothing here mounts anything. A helper gets the directory that LXD keeps the root in, bound
read-only: what the kernel still holds of a dead file system is seen as it is, and no journal is
replayed, because the file system is not mounted a second time. Where the kernel has shut the
file system down, the helper gets a copy of the disk, and the journal is replayed on that.
"""

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from releve.errors import Busy, Refused
from releve.model.resources import SUPERBLOCK_BYTES, Power, Role, SystemDisk
from releve.providers.lxd import draft as drafts
from releve.providers.lxd.api import LxdApi
from releve.providers.lxd.disk_bytes import MountPoint, digest_of, find_mount, medium_of, read_start
from releve.providers.lxd.disk_copy import lend_copy
from releve.providers.lxd.draft import Draft
from releve.providers.lxd.errors import reading
from releve.providers.lxd.instances import Instances

_LOCAL: Final = "http+unix://"
_ALWAYS_MOUNTED: Final = frozenset({"dir", "btrfs"})
_UNSHIFTED: Final = "[]"


class SystemDisks:
    def __init__(self, api: LxdApi, instances: Instances, *, url: str) -> None:
        self._api = api
        self._instances = instances
        local = url.startswith(_LOCAL)
        self._directory = Path(unquote(url.removeprefix(_LOCAL))).parent if local else None

    def read(self, instance: str) -> SystemDisk:
        root, why = self._find_root(instance)
        mount = find_mount(root) if root else None
        if root is None or mount is None:
            return SystemDisk("", b"", "", why=why or "no mount is found below its root")
        is_own = mount.point in {root, root.parent}
        if not is_own and self._driver_of(instance) not in _ALWAYS_MOUNTED:
            return SystemDisk("", b"", "", why="its pool mounts a disk only while it is in use")
        is_off = self._instances.get(instance).power is Power.STOPPED
        return describe_disk(mount, is_own=is_own, is_off=is_off)

    def attach(self, instance: str, helper: str, *, mount_point: str) -> None:
        what = f"attaching the system disk of {instance} to {helper}"
        drafts.require_mount_point(mount_point, what=f"the system disk of {instance}")
        reader = self._instances.get(helper)
        if reader.labels.get("releve.role") != Role.HELPER:
            raise _refuse(what, f"{helper} is no helper", remedy="Attach it to a helper")
        content = self._instances.read(instance).content
        if self._instances.describe(content).power is not Power.STOPPED:
            raise _refuse(what, f"{instance} is not stopped", remedy="Stop it first")
        if instance in reader.system_disks:
            raise Busy(what, why="it is attached there", remedy="Look at the helper again")
        root, why = self._find_root(instance)
        if root is None:
            raise _refuse(what, why, remedy="Read the disk on the LXD host itself")
        device = make_device(content["config"], root=str(root), mount_point=mount_point)
        if _is_readable(root):
            self._show(instance, helper, device=device)
        elif reader.power is Power.RUNNING:
            with lend_copy(root, what=what) as copy:
                self._show(instance, helper, device=device | copy)
        else:
            why = "its file system is shut down, and a copy is mounted in what runs only"
            raise _refuse(what, why, remedy="Start the helper first")

    def detach(self, instance: str, helper: str) -> None:
        self._instances.change(
            helper,
            lambda draft: drafts.hide_system_disk(draft, instance),
            what=f"detaching the system disk of {instance} from {helper}",
        )

    def _show(self, instance: str, helper: str, *, device: dict[str, str]) -> None:
        self._instances.change(
            helper,
            lambda draft: drafts.show_system_disk(draft, instance, device=device),
            what=f"attaching the system disk of {instance} to {helper}",
        )

    def _find_root(self, instance: str) -> tuple[Path | None, str]:
        """Where LXD keeps it on this machine, or why that cannot be told."""
        content = self._instances.read(instance).content
        if self._directory is None:
            return None, "LXD runs on another machine"
        with reading(f"reading where the root of {instance} is"):
            pool = _root_device(content)["pool"]
        project = self._api.project
        name = instance if project == "default" else f"{project}_{instance}"
        root = self._directory / "storage-pools" / pool / "containers" / name / "rootfs"
        try:
            root.lstat()
        except OSError as error:
            if error.errno != errno.EIO:  # so says a file system that was shut down
                return None, f"its root cannot be looked at from here: {error.strerror}"
        return root, ""

    def _driver_of(self, instance: str) -> str:
        content = self._instances.read(instance).content
        with reading(f"reading the pool of {instance}"):
            return str(self._api.get("storage-pools", _root_device(content)["pool"])["driver"])


def describe_disk(mount: MountPoint, *, is_own: bool, is_off: bool) -> SystemDisk:
    """The digest is that of a disk which is the instance's alone, and which rests."""
    medium = medium_of(mount)
    try:
        start = read_start(medium, SUPERBLOCK_BYTES)
        if not is_own:
            why = f"it shares a {mount.filesystem} pool with other instances"
            return SystemDisk(mount.filesystem, start, "", why=why)
        if not is_off:
            return SystemDisk(mount.filesystem, start, "", why="it runs, so that its bytes change")
        return SystemDisk(mount.filesystem, start, digest_of(medium))
    except OSError as error:
        why = f"its disk cannot be read from here: {error.strerror}"
        return SystemDisk(mount.filesystem, b"", "", why=why)


def make_device(config: Mapping[str, str], *, root: str, mount_point: str) -> dict[str, str]:
    """Shifted where the owners on the disk are plain numbers: the helper then sees these."""
    device = {"type": "disk", "source": root, "path": mount_point, "readonly": "true"}
    is_plain = config.get("volatile.last_state.idmap", _UNSHIFTED) == _UNSHIFTED
    return device | ({"shift": "true"} if is_plain else {})


def _root_device(content: Mapping[str, Any]) -> Mapping[str, str]:
    devices = Draft.of(content).expanded.values()
    return next(disk for disk in devices if disk.get("type") == "disk" and disk.get("path") == "/")


def _is_readable(root: Path) -> bool:
    try:
        return any(root.iterdir())
    except OSError:
        return False


def _refuse(what: str, why: str, *, remedy: str) -> Refused:
    return Refused(what, why=why, remedy=remedy)
