"""A whole storage pool on a disk of its own, which can be broken for real.

The lab keeps what LXD notes of a host off the host's disk. Here it is on it, as on a machine
where LXD and its hosts share the disk that dies.
"""

import os
import secrets
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from releve.lab.mounts import list_mounts_below
from tests.contracts.lxd_range import POOL, LxdRange

SIZE_BYTES = 2**30
MOUNT_OPTIONS = {"ext4": "loop,errors=remount-ro", "xfs": "loop"}


@dataclass(frozen=True)
class DyingHost:
    """An instance whose root and whose daemon's notes are on one disk, with one data volume."""

    ground: LxdRange
    name: str
    volume: str
    mount: Path

    def break_disk(self, how: str) -> None:
        if how == "ext4-error":
            device = self._device().rsplit("/", maxsplit=1)[-1]
            Path("/sys/fs/ext4", device, "trigger_fs_error").write_text("test")
        elif how == "xfs-shutdown":
            run("xfs_io", "-x", "-c", "shutdown", str(self.mount))
        else:
            self._fill()
        self.ground.wait_until(lambda: not self.can_write(), "its root refuses writes")

    def can_write(self) -> bool:
        block = ["dd", "if=/dev/zero", "of=/root/probe", "bs=4096", "count=1", "conv=fsync"]
        return self.ground.client.execute(self.name, block).exit_code == 0

    def count_processes(self) -> int:
        """Of the instance, as the machine sees them."""
        found: set[str] = set()
        top, group = Path("/sys/fs/cgroup"), f"lxc.payload.{self.name}"
        for controller in (*top.glob(group), *top.glob(f"*/{group}")):  # cgroup v2, v1
            for directory, _, _ in os.walk(controller):  # passes over what ends meanwhile
                with suppress(OSError):
                    found |= set(Path(directory, "cgroup.procs").read_text().split())
        return len(found)

    def _fill(self) -> None:
        free = os.statvfs(self.mount)
        run("fallocate", "--length", str(free.f_bavail * free.f_frsize), f"{self.mount}/fill")
        rest = ["dd", "if=/dev/zero", f"of={self.mount}/fill-rest", "bs=4096"]
        subprocess.run(rest, capture_output=True, check=False)  # ends where no block is left

    def _device(self) -> str:
        point = str(self.mount)
        mounts = list_mounts_below(self.mount)
        return next(mount.source for mount in mounts if mount.point == point)


def make_dying_host(ground: LxdRange, filesystem: str) -> DyingHost:
    """All of it below the lab's gate, so that taking the lab down takes it away as well."""
    name = f"dying-{secrets.token_hex(3)}"
    paths = ground.lab.settings.paths
    disk, mount = paths.gate / f"{name}.img", paths.gate / name
    run("truncate", "--size", str(SIZE_BYTES), str(disk))
    run(f"mkfs.{filesystem}", "-q", str(disk))
    mount.mkdir(mode=0o711)
    run("mount", "-o", MOUNT_OPTIONS[filesystem], str(disk), str(mount))
    (mount / "pool").mkdir(mode=0o711)
    pool = {"name": name, "driver": "dir", "config": {"source": str(mount / "pool")}}
    ground.client.act("POST", "/1.0/storage-pools", pool)
    host = DyingHost(ground, name, ground.make_volume(), mount)
    _make_instance(host)
    return host


def _make_instance(host: DyingHost) -> None:
    ground, name = host.ground, host.name
    devices = {
        "root": {"type": "disk", "path": "/", "pool": name},
        "eth0": {"type": "nic", "name": "eth0", "network": ground.network},
        "media": {
            "type": "disk",
            "pool": POOL,
            "source": host.volume.removeprefix(f"{POOL}/"),
            "path": "/srv/data",
        },
    }
    source = {"type": "image", "alias": ground.image}
    body = {"name": name, "source": source, "devices": devices, "profiles": []}
    ground.client.act("POST", "/1.0/instances", body)
    ground.client.act("PUT", f"/1.0/instances/{name}/state", {"action": "start"})
    ground.wait_until(
        lambda: bool(ground.provider.get_instance(name).private_address), "it has an address"
    )


def run(*argv: str) -> str:
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, f"{argv}: {ended.stderr}"
    return ended.stdout.strip()
