"""Small file systems on loop devices, and the accidents that befall them."""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

_FITHAW = 0xC0045878  # from linux/fs.h
_FIFREEZE = 0xC0045877
_MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    "xfs": ["mkfs.xfs", "-q"],
    "btrfs": ["mkfs.btrfs", "-q"],
}
_MEBIBYTES = {"ext4": 64, "xfs": 320, "btrfs": 160}


@dataclass(frozen=True)
class Disk:
    """Mounted at `place`, from `file` by way of the loop device `device`."""

    place: Path
    file: Path
    device: str

    @property
    def node(self) -> str:
        return f"/dev/{self.device}"


def require_disks(*programs: str) -> None:
    """A loud skip where this machine cannot make disks; a failure where CI promised that it can."""
    missing = [name for name in (*programs, "losetup", "mkfs.ext4") if not shutil.which(name)]
    if os.geteuid() == 0 and not missing:
        return
    reason = f"not installed: {', '.join(missing)}" if missing else "loop devices need root"
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must be able to try this: {reason}")
    pytest.skip(f"NOT TRIED on a real disk: {reason}")


@contextmanager
def mounted(
    directory: Path, filesystem: str, *, options: str = "defaults", holder: Path | None = None
) -> Iterator[Disk]:
    """`holder`: where the disk's file lies, if not beside its mount point."""
    require_disks(_MAKE[filesystem][0])
    directory.mkdir(parents=True, exist_ok=True)
    file = (holder or directory) / f"{filesystem}.img"
    with file.open("wb") as opened:
        opened.truncate(_MEBIBYTES[filesystem] << 20)
    run(*_MAKE[filesystem], str(file))
    node = run("losetup", "--find", "--show", str(file)).strip()
    place = directory / "mnt"
    place.mkdir(exist_ok=True)
    disk = Disk(place, file, Path(node).name)
    try:
        run("mount", "-o", options, node, str(place))
        yield disk
    finally:
        thaw(disk)
        _unmount(place)
        run("losetup", "--detach", node)


def cause_ext4_error(disk: Disk) -> None:
    Path(f"/sys/fs/ext4/{disk.device}/trigger_fs_error").write_text("a test")


def remount_read_only(disk: Disk) -> None:
    run("mount", "-o", "remount,ro", str(disk.place))


def shut_down_xfs(disk: Disk) -> None:
    run("xfs_io", "-x", "-c", "shutdown", str(disk.place))


def shrink(disk: Disk) -> None:
    """The file that it lies on is cut, and the kernel told: all beyond it answers with errors."""
    os.truncate(disk.file, 1 << 20)
    run("losetup", "--set-capacity", disk.node)


def freeze(disk: Disk) -> None:
    _on_place(disk, _FIFREEZE)


def thaw(disk: Disk) -> None:
    with suppress(OSError):
        _on_place(disk, _FITHAW)


def fill(directory: Path) -> None:
    """To the last byte, also of what the file system held back for writes not yet on the disk."""
    pieces = (b"x" * (1 << 20), b"x" * 512)
    while sum(_append_until_full(directory / f"filler{len(piece)}", piece) for piece in pieces):
        os.sync()


def _append_until_full(path: Path, piece: bytes) -> int:
    """Bytes."""
    written = 0
    with path.open("ab", buffering=0) as opened, suppress(OSError):
        while True:
            written += opened.write(piece) or 0
    return written


@contextmanager
def small_memory_disk(directory: Path, mebibytes: int) -> Iterator[Path]:
    """A tmpfs, which can be filled: then the loop device above it fails."""
    require_disks()
    directory.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(directory))
    try:
        yield directory
    finally:
        _unmount(directory)


def run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


def _on_place(disk: Disk, request: int) -> None:
    descriptor = os.open(disk.place, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, request, 0)
    finally:
        os.close(descriptor)


def _unmount(place: Path) -> None:
    """A child of the probe may still be in it for a moment."""
    for _ in range(100):
        done = subprocess.run(["umount", str(place)], capture_output=True, text=True, check=False)
        if done.returncode == 0 or "not mounted" in done.stderr:
            return
        time.sleep(0.05)
    raise AssertionError(done.stderr)
