"""The program that mounts a dead system disk's copy on a helper, on real devices."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from releve.errors import CommandFailed, StepHalted
from releve.model.resources import SUPERBLOCK_BYTES
from releve.recovery.autopsy import guest_disk
from releve.recovery.autopsy.disk_on_helper import parse_answer
from releve.scan.superblock import NEEDS_RECOVERY, read_superblock
from releve.workflow.step import FAILED

SIZE = 32 * 2**20


@dataclass(frozen=True)
class Disk:
    image: Path
    serial: str

    def digest(self) -> str:
        subprocess.run(["sync"], check=True)
        return hashlib.sha256(self.image.read_bytes()).hexdigest()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A root whose journal waits to be replayed."""
    if os.geteuid() != 0 or not shutil.which("losetup"):
        reason = "NOT TRIED on real block devices: needs root and losetup"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    serial = str(uuid.uuid4())
    image, mount = tmp_path / serial, tmp_path / "mnt"
    with image.open("wb") as file:
        file.truncate(SIZE)
    make_dirty_root(image, tmp_path / "work")
    device = run("losetup", "--find", "--show", str(image))
    yield Disk(image, serial)
    subprocess.run(["umount", str(mount)], capture_output=True, check=False)
    run("blockdev", "--setrw", device)  # a loop device keeps that for whoever comes next
    run("losetup", "--detach", device)


def run(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def make_dirty_root(image: Path, mount: Path) -> None:
    """Copied while it was mounted, as the disk of a host that died."""
    run("mkfs.ext4", "-q", "-F", str(image))
    mount.mkdir()
    run("mount", "-o", "loop", str(image), str(mount))
    (mount / "etc").mkdir()
    (mount / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    run("sync")
    taken = image.read_bytes()
    run("umount", str(mount))
    image.write_bytes(taken)


def ask(disk: Disk, mount_point: Path, *, mount: bool) -> dict[str, Any]:
    request = {"mount": mount, "serial": disk.serial, "mount_point": str(mount_point)}
    program = resources.files("releve.recovery.autopsy").joinpath("guest_disk.py").read_bytes()
    argv = [sys.executable, "-I", "-S", "-B", "-", json.dumps(request)]
    answer = json.loads(subprocess.run(argv, input=program, capture_output=True, check=True).stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.mark.real
def test_the_root_is_mounted_without_a_replay_and_without_a_change(
    disk: Disk, tmp_path: Path
) -> None:
    before = disk.digest()
    assert ask(disk, tmp_path / "mnt", mount=False)["mounted"] is False
    answer = ask(disk, tmp_path / "mnt", mount=True)
    assert answer["mounted"] is True
    assert (tmp_path / "mnt" / "etc" / "passwd").read_text().startswith("root:")
    start = base64.b64decode(answer["superblock"])
    superblock = read_superblock(start)
    assert len(start) == SUPERBLOCK_BYTES
    assert superblock is not None
    assert superblock.journal == NEEDS_RECOVERY
    with pytest.raises(OSError, match="Read-only"):
        (tmp_path / "mnt" / "etc" / "new").write_text("x")
    assert ask(disk, tmp_path / "mnt", mount=True) == answer
    run("umount", str(tmp_path / "mnt"))
    assert disk.digest() == before


@pytest.mark.real
def test_a_disk_that_is_not_there_is_a_problem(disk: Disk, tmp_path: Path) -> None:
    other = Disk(disk.image, str(uuid.uuid4()))
    assert "serial" in ask(other, tmp_path / "mnt", mount=True)["problem"]


def test_the_largest_partition_is_looked_at_first_and_the_whole_disk_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = {"vdb1": "8192", "vdb14": "2048", "vdb2": "83886080"}
    monkeypatch.setattr("glob.glob", lambda _: [f"/sys/block/vdb/{name}" for name in sizes])
    monkeypatch.setattr(guest_disk, "read_text", lambda path: sizes[path.split("/")[4]])
    wanted = ["/dev/vdb2", "/dev/vdb1", "/dev/vdb14", "/dev/vdb"]
    assert guest_disk.list_parts("/dev/vdb") == wanted


def test_a_serial_cut_short_by_virtio_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = "33333333-3333-4333-8333-333333333333"
    (tmp_path / "vdb").mkdir()
    (tmp_path / "vdb" / "serial").write_text(f"{identity[:20]}\n")
    monkeypatch.setattr("glob.glob", lambda _: [str(tmp_path / "vdb")])
    assert guest_disk.find_disk(identity) == "/dev/vdb"


class TestAnswer:
    def test_tells_what_the_superblock_says(self) -> None:
        answer = {"mounted": True, "filesystem": "ext4\x1b[2J", "superblock": ""}
        seen = parse_answer(json.dumps(answer).encode())
        assert seen == {"mounted": True, "filesystem": "ext4\\x1b[2J", "superblock": {}}
        assert FAILED not in seen

    def test_a_problem_is_shown_and_cannot_act(self) -> None:
        with pytest.raises(StepHalted) as caught:
            parse_answer(b'{"problem": "mount: \\u001b]0;x"}')
        assert "\x1b" not in str(caught.value)

    @pytest.mark.parametrize(
        "stdout",
        [b"", b"[]", b"{}", b'{"mounted": 1, "filesystem": 2, "superblock": "*"}', b"\xff"],
    )
    def test_of_another_shape_is_refused(self, stdout: bytes) -> None:
        with pytest.raises(CommandFailed):
            parse_answer(stdout)
