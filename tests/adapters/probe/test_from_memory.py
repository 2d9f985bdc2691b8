"""The disk that the probe itself came from dies under it, and it goes on telling so."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from releve.model.reading import WriteOutcome
from tests.adapters.probe.disks import Disk, mounted, require_disks, run, shut_down_xfs
from tests.adapters.probe.running import mount_of, order_for, running_probe

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("disks")]
_NOT_NEEDED = ("test", "idlelib", "ensurepip", "dist-packages", "site-packages", "config-*")


# As in a container: nothing may be locked.
UNLOCKED = ("prlimit", "--memlock=65536:65536", "setpriv", "--bounding-set=-ipc_lock")


@pytest.mark.parametrize("limits", [(), UNLOCKED], ids=["locked", "unlocked"])
def test_the_probe_needs_nothing_of_the_disk_that_it_came_from(
    tmp_path: Path, limits: tuple[str, ...]
) -> None:
    """A shut-down XFS answers each read with EIO; what the kernel may forget, it forgot before."""
    require_disks("mkfs.xfs", "xfs_io", "chroot", "ldd", "prlimit", "setpriv")
    with mounted(tmp_path, "xfs") as disk, python_root(disk) as python:
        order = order_for(Path("/"), fstab="/dev/root / xfs defaults 0 0\n")
        with running_probe(order, command=(*limits, "chroot", str(disk.place), python)) as probe:
            told, _ = probe.await_reading(lambda _: True, seconds=20)
            assert mount_of(told, Path("/")).write is WriteOutcome.WRITTEN
            assert probe.header is not None
            assert probe.header.locked_in_memory == (not limits)
            drop_from_memory(disk.place)
            shut_down_xfs(disk)
            with pytest.raises(OSError, match="Input/output error"):
                next(disk.place.joinpath("usr").iterdir())
            for _ in range(3):
                told, seconds = probe.await_reading(lambda _: True)
                mount = mount_of(told, Path("/"))
                assert (mount.write, mount.error_number) == (WriteOutcome.IO_ERROR, 5)
                assert mount.device == disk.device
            assert seconds < 3
            assert probe.stop() == 0


@contextmanager
def python_root(disk: Disk) -> Iterator[str]:
    """The machine's own Python, copied with all that it loads; its path inside."""
    python = "/usr/bin/python3"
    ask = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    library = run(python, "-c", ask).strip()
    shutil.copytree(
        library,
        disk.place / library[1:],
        ignore=shutil.ignore_patterns(*_NOT_NEEDED),
        symlinks=True,
    )
    objects = [str(path) for path in Path(library, "lib-dynload").glob("*.so")]
    listed = run("ldd", os.path.realpath(python), *objects)
    loaded = {word for word in listed.split() if word.startswith("/") and not word.endswith(":")}
    for name in (python, *loaded):
        target = disk.place / name[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(name), target)
    with ExitStack() as stack:
        for name in ("proc", "sys", "dev"):
            place = disk.place / name
            place.mkdir()
            run("mount", "--bind", f"/{name}", str(place))
            stack.callback(subprocess.run, ["umount", "--lazy", str(place)], check=True)
        yield python


def drop_from_memory(place: Path) -> None:
    """What is locked stays."""
    run("sync", "--file-system", str(place))
    for path in place.joinpath("usr").rglob("*"):
        if path.is_file() and not path.is_symlink():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
