"""The program fed to an instance, on real block devices and real file systems."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from releve.recovery import guest_volumes
from releve.recovery.steps.mount_volumes import first_difference, guest_program

SIZE = 16 * 1024 * 1024


@dataclass(frozen=True)
class Disk:
    image: Path
    device: str
    serial: str
    uuid: str

    def digest(self) -> str:
        subprocess.run(["sync"], check=True)
        return hashlib.sha256(self.image.read_bytes()).hexdigest()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """An ext4 on a loop device, whose backing file's name stands for the serial."""
    if os.geteuid() != 0 or not shutil.which("losetup"):
        reason = "NOT TRIED on real block devices: needs root and losetup"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    serial = uuid.uuid4().hex[:20]
    image, identity = tmp_path / serial, str(uuid.uuid4())
    with image.open("wb") as file:
        file.truncate(SIZE)
    subprocess.run(["mkfs.ext4", "-q", "-U", identity, str(image)], check=True)
    made = subprocess.run(
        ["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=True
    )
    device = made.stdout.strip()
    yield Disk(image, device, serial, identity)
    subprocess.run(["umount", str(tmp_path / "mnt")], capture_output=True, check=False)
    subprocess.run(["losetup", "--detach", device], check=True)


def ask(mount_point: Path, *, serial: str, filesystem: str = "ext4", mount: bool) -> dict[str, Any]:
    """Fed to python3 as the step feeds it."""
    volume = {
        "name": "data",
        "mount_point": str(mount_point),
        "device_serial": serial,
        "filesystem": filesystem,
    }
    request = json.dumps({"mount": mount, "volumes": [volume]})
    done = subprocess.run(
        [sys.executable, "-", request], input=guest_program(), capture_output=True, check=True
    )
    (answer,) = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@pytest.mark.real
def test_a_block_volume_is_identified_without_changing_a_byte(disk: Disk, tmp_path: Path) -> None:
    before = disk.digest()
    answer = ask(tmp_path / "mnt", serial=disk.serial, mount=False)
    assert answer["device"] == disk.device
    assert answer["filesystem_uuid"] == disk.uuid
    assert answer["size_bytes"] == SIZE
    assert not answer["mounted"]
    assert disk.digest() == before


@pytest.mark.real
def test_a_block_volume_is_mounted_where_the_plan_says_and_only_once(
    disk: Disk, tmp_path: Path
) -> None:
    for _ in range(2):
        answer = ask(tmp_path / "mnt", serial=disk.serial, mount=True)
        assert answer["mounted"]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    ours = [line for line in mounts if line.split()[1] == str(tmp_path / "mnt")]
    assert len(ours) == 1
    assert {"nosuid", "nodev"} <= set(ours[0].split()[3].split(","))


@pytest.mark.real
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"filesystem": "xfs"}, "holds 'ext4', the plan says 'xfs'"),
        ({"serial": "00000000-0000-0000-0000-000000000000"}, "no block device with serial"),
    ],
)
def test_another_device_is_neither_mounted_nor_changed(
    disk: Disk, tmp_path: Path, changes: dict[str, str], problem: str
) -> None:
    before = disk.digest()
    answer = ask(tmp_path / "mnt", **{"serial": disk.serial, "mount": True, **changes})  # type: ignore[arg-type] # by name
    assert problem in answer["problem"]
    assert not (tmp_path / "mnt").exists()
    assert disk.digest() == before


@pytest.mark.real
def test_a_mounted_volume_says_who_it_is(disk: Disk, tmp_path: Path) -> None:
    mount_point = tmp_path / "mnt"
    mount_point.mkdir()
    subprocess.run(["mount", disk.device, str(mount_point)], check=True)
    answer = ask(mount_point, serial="", mount=False)
    assert answer["device"] == disk.device
    assert answer["inner_path"] == "/"
    assert answer["filesystem_uuid"] in {disk.uuid, ""}, "empty before Linux 6.9"


def test_nothing_mounted_is_a_problem(tmp_path: Path) -> None:
    assert ask(tmp_path, serial="", mount=False)["problem"] == "nothing is mounted there"


def test_mount_points_with_odd_names_are_read_back() -> None:
    assert guest_volumes.unescape("/srv/my\\040data\\134x") == "/srv/my data\\x"


RECORDED = {"id": "pool/data", "filesystem_uuid": "u-1", "size_bytes": 1000}
SEEN = {"filesystem_uuid": "u-1", "size_bytes": 990, "inner_path": "/custom/default_data"}


@pytest.mark.parametrize(
    ("seen", "planned_uuid", "difference"),
    [
        ({}, "", ""),
        ({"filesystem_uuid": "u-2"}, "", "its file system UUID is u-2, recorded is u-1"),
        ({"filesystem_uuid": "u-1"}, "u-3", "its file system UUID is u-1, recorded is u-3"),
        ({"filesystem_uuid": ""}, "", ""),
        ({"filesystem_uuid": "", "inner_path": "/"}, "", "has no UUID, recorded is u-1"),
        ({"size_bytes": 400}, "", "it holds 400 bytes, recorded are 1000"),
        ({"size_bytes": 1100}, "", "it holds 1100 bytes, recorded are 1000"),
        ({"inner_path": "/custom/default_other"}, "", "mounted /custom/default_other there"),
        ({"inner_path": "/custom/default_backupdata"}, "", "default_backupdata there"),
    ],
)
def test_what_makes_a_volume_another_one(
    seen: dict[str, Any], planned_uuid: str, difference: str
) -> None:
    found = first_difference({**SEEN, **seen}, RECORDED, planned_uuid=planned_uuid)
    assert difference in found
    assert bool(difference) == bool(found)


def test_owners_are_told_by_number_whatever_the_names(tmp_path: Path) -> None:
    for name in (b"plain", b"new\nline", b"\xff\x1b[2J"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    (tmp_path / "link").symlink_to("/nowhere")
    owners = guest_volumes.list_owners(str(tmp_path))
    assert set(owners) == {".", "plain", "new\\nline", "\\udcff\\x1b[2J", "link"}
    assert set(owners.values()) == {f"{os.getuid()}:{os.getgid()}"}
    for number in range(300):
        (tmp_path / f"many-{number}").touch()
    assert len(guest_volumes.list_owners(str(tmp_path))) == guest_volumes.MOST_OWNERS + 1
