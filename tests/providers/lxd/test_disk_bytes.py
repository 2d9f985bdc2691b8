"""Which mount a root lies on, and the digest of what is behind it."""

import hashlib
import os
from pathlib import Path

import pytest

from releve.providers.lxd.disk_bytes import MountPoint, choose_mount, digest_of, read_start
from releve.providers.lxd.system_disk import describe_disk, make_device

TABLE = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:30 / /pools/instances rw - btrfs /dev/loop4 rw
31 30 7:7 / /pools/instances/containers/blog/rootfs rw - ext4 /dev/loop7 rw,errors=remount-ro
32 22 7:8 / /with\\040space rw shared:3 master:2 - xfs /dev/loop8 rw
33 22 7:9 / /with\\040space rw - ext4 /dev/loop9 rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/pools/instances/containers/blog/rootfs", ("ext4", "/dev/loop7")),
        ("/pools/instances/containers/blog/rootfs2", ("btrfs", "/dev/loop4")),
        ("/pools/instances/containers/shop/rootfs", ("btrfs", "/dev/loop4")),
        ("/srv", ("ext4", "/dev/vda1")),
        ("/with space/x", ("ext4", "/dev/loop9")),  # the later one covers the earlier
    ],
)
def test_the_deepest_mount_above_a_path_is_chosen(path: str, wanted: tuple[str, str]) -> None:
    mount = choose_mount(TABLE, Path(path))
    assert mount is not None
    assert (mount.filesystem, str(mount.source)) == wanted


@pytest.mark.parametrize("size", [0, 1, 2**20, 3 * 2**20 + 17])
def test_a_digest_is_that_of_every_byte_holes_too(tmp_path: Path, size: int) -> None:
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        os.truncate(file.fileno(), size)
        for place in range(0, size, 2 * 2**20):
            file.seek(place)
            file.write(b"x")
    assert digest_of(disk) == hashlib.sha256(disk.read_bytes()).hexdigest()


def test_only_a_disk_of_its_own_that_rests_has_a_digest(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(range(256)) * 512)
    mount = MountPoint(tmp_path, "ext4", disk)
    whole = describe_disk(mount, is_own=True, is_off=True)
    assert (whole.superblock, whole.why) == (read_start(disk, 65536), "")
    assert whole.digest == hashlib.sha256(disk.read_bytes()).hexdigest()
    for is_own, is_off in ((True, False), (False, True)):
        partial = describe_disk(mount, is_own=is_own, is_off=is_off)
        assert (partial.digest, partial.superblock) == ("", whole.superblock)
        assert partial.why


def test_a_disk_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    mount = MountPoint(tmp_path, "ext4", tmp_path / "no-device")
    disk = describe_disk(mount, is_own=True, is_off=True)
    assert (disk.superblock, disk.digest) == (b"", "")
    assert "No such file" in disk.why


def test_owners_are_shifted_only_where_the_disk_has_plain_numbers() -> None:
    mapped = {"volatile.last_state.idmap": '[{"Isuid":true}]'}
    assert "shift" not in make_device(mapped, root="/r", mount_point="/dead")
    for plain in ({}, {"volatile.last_state.idmap": "[]"}):
        device = make_device(plain, root="/r", mount_point="/dead")
        assert (device["shift"], device["readonly"]) == ("true", "true")
