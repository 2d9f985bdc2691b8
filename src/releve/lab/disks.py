"""Disks of the lab: files behind loop devices, with the file system a real disk would have."""

import os
import shutil
from pathlib import Path
from shlex import quote
from typing import Final

from releve.lab.client import Client
from releve.lab.commands import attempt, run
from releve.lab.mounts import list_mounts_below, unmount_below
from releve.lab.record import HostRecord, LabRecord, VolumeRecord
from releve.lab.settings import LabPaths, RootFilesystem

INSTANCE_POOL: Final = "instances"

_ROOT_BYTES: Final = 8 * 2**30
_INSTANCES_SIZE: Final = "20GiB"
_UNITS: Final = {"MiB": 2**20, "GiB": 2**30}
_MAKE: Final = {
    # No blocks kept for the real root: an instance's root cannot use them, and full means full.
    RootFilesystem.EXT4: ("mkfs.ext4", "-q", "-m", "0"),
    RootFilesystem.XFS: ("mkfs.xfs", "-q"),
}
_MOUNT: Final = {
    RootFilesystem.EXT4: "loop,errors=remount-ro",
    RootFilesystem.XFS: "loop",
}

# The daemon clears the mount at each start, then maps the owners, then runs this as a hook.
_MOUNT_ROOT: Final = """\
#!/bin/sh
set -eu
disk={disk} root={root} options={options}
if [ ! -e "$disk.filled" ]; then
    mkdir -p "$disk.work"
    mount -o "$options" "$disk" "$disk.work"
    cp -a "$root/." "$disk.work"
    find "$root" -mindepth 1 -delete
    touch "$disk.filled"
    mount --bind "$disk.work" "$root"
    umount "$disk.work"
else
    mount -o "$options" "$disk" "$root"
fi
"""


def has_copy_on_write() -> bool:
    if shutil.which("mkfs.btrfs") is None:
        return False
    if "\tbtrfs\n" in Path("/proc/filesystems").read_text():
        return True
    if shutil.which("modprobe") is None:
        return False
    return attempt(["modprobe", "--quiet", "btrfs"]).exit_code == 0


def root_of(paths: LabPaths, host: str) -> Path:
    """Where the daemon keeps the root of a lab host, and where its disk is mounted."""
    return paths.daemon / "storage-pools" / INSTANCE_POOL / "containers" / host / "rootfs"


def mount_disks(paths: LabPaths, record: LabRecord) -> None:
    """Those that the daemon must find when it starts, and does not mount itself."""
    if not record.copy_on_write:
        ext4 = RootFilesystem.EXT4
        _ensure_disk(paths, INSTANCE_POOL, size=parse_size(_INSTANCES_SIZE), filesystem=ext4)
        for volume in record.volumes:
            _ensure_disk(paths, volume.pool, size=parse_size(volume.size), filesystem=ext4)


def prepare_root_disk(paths: LabPaths, host: HostRecord) -> str:
    """Makes the blank disk; returns the program that puts the host's root on it at each start.

    What the daemon notes of the host stays in its pool, and so survives the host's disk.
    """
    _make_disk(paths, host.disk, size=_ROOT_BYTES, filesystem=host.root_filesystem)
    program = paths.disks / f"{host.disk}.mount"
    program.write_text(
        _MOUNT_ROOT.format(
            disk=quote(str(_disk_file(paths, host.disk, ours=True))),
            root=quote(str(root_of(paths, host.name))),
            options=quote(_MOUNT[host.root_filesystem]),
        )
    )
    program.chmod(0o700)
    return str(program)


def is_root_readable(paths: LabPaths, host: HostRecord) -> bool:
    """False before it is mounted, and once its file system has been shut down."""
    try:
        return (root_of(paths, host.name) / "etc").is_dir()
    except OSError:
        return False


def mount_root(paths: LabPaths, host: HostRecord) -> None:
    """Anew, as the program does it; for a host that does not run."""
    root = root_of(paths, host.name)
    unmount_below(root)
    _mount(paths, host.disk, at=root, filesystem=host.root_filesystem)


def has_own_root(paths: LabPaths, host: str) -> bool:
    return _is_mounted(root_of(paths, host))


def ensure_instance_pool(client: Client, record: LabRecord) -> None:
    _ensure_pool(client, INSTANCE_POOL, copy_on_write=record.copy_on_write, size=_INSTANCES_SIZE)


def ensure_volume(client: Client, record: LabRecord, *, volume: VolumeRecord) -> None:
    _ensure_pool(client, volume.pool, copy_on_write=record.copy_on_write, size=volume.size)
    path = f"/1.0/storage-pools/{volume.pool}/volumes/custom"
    if client.get(f"{path}/{volume.name}") is None:
        uuid = read_uuid(_disk_file(client.paths, volume.pool, ours=not record.copy_on_write))
        config = {"size": volume.size, "user.releve.uuid": uuid}
        client.act("POST", path, {"name": volume.name, "config": config})


def read_uuid(disk: Path) -> str:
    return run(["blkid", "--probe", "--match-tag", "UUID", "--output", "value", str(disk)]).strip()


def parse_size(text: str) -> int:
    return int(text[:-3]) * _UNITS[text[-3:]]


def mount_point(paths: LabPaths, disk: str) -> Path:
    return paths.roots / disk


def _ensure_disk(paths: LabPaths, name: str, *, size: int, filesystem: RootFilesystem) -> None:
    point = mount_point(paths, name)
    _make_disk(paths, name, size=size, filesystem=filesystem)
    point.mkdir(mode=0o711, parents=True, exist_ok=True)
    _mount(paths, name, at=point, filesystem=filesystem)
    (point / "pool").mkdir(mode=0o711, exist_ok=True)


def _make_disk(paths: LabPaths, name: str, *, size: int, filesystem: RootFilesystem) -> None:
    file = _disk_file(paths, name, ours=True)
    if file.exists():
        return
    file.parent.mkdir(mode=0o700, exist_ok=True)
    draft = file.with_suffix(".new")
    with draft.open("wb") as disk:
        os.truncate(disk.fileno(), size)
    run([*_MAKE[filesystem], str(draft)])
    draft.replace(file)


def _mount(paths: LabPaths, name: str, *, at: Path, filesystem: RootFilesystem) -> None:
    if not _is_mounted(at):
        run(["mount", "-o", _MOUNT[filesystem], str(_disk_file(paths, name, ours=True)), str(at)])


def _is_mounted(point: Path) -> bool:
    return any(mount.point == str(point) for mount in list_mounts_below(point))


def _ensure_pool(client: Client, name: str, *, copy_on_write: bool, size: str) -> None:
    if not copy_on_write:
        _ensure_mounted_pool(client, name)
    elif client.get(f"/1.0/storage-pools/{name}") is None:
        body = {"name": name, "driver": "btrfs", "config": {"size": size}}
        client.act("POST", "/1.0/storage-pools", body)


def _ensure_mounted_pool(client: Client, name: str) -> None:
    if client.get(f"/1.0/storage-pools/{name}") is None:
        source = str(mount_point(client.paths, name) / "pool")
        body = {"name": name, "driver": "dir", "config": {"source": source}}
        client.act("POST", "/1.0/storage-pools", body)


def _disk_file(paths: LabPaths, name: str, *, ours: bool) -> Path:
    return (paths.disks if ours else paths.daemon / "disks") / f"{name}.img"
