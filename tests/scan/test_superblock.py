"""Superblocks of file systems that mkfs really made, really broken ones, and hostile ones."""

import os
import random
import re
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.scan.superblock import NEEDS_RECOVERY, Superblock, read_superblock

UUID = "6c1e5f0a-7d32-4c43-8f0e-0a1b2c3d4e5f"
SHOWN = 64 + 1  # characters of one text, and its ellipsis
HEAD = 64 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    with path.open("wb") as image:
        image.truncate(320 * 1024 * 1024)
    return path


def require_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT TRIED on the real thing: mounting needs root")


def run(*command: str) -> str:
    return subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"LC_ALL": "C", "TZ": "UTC"},
    ).stdout


def read(disk: Path, size: int = HEAD) -> Superblock:
    with disk.open("rb") as image:
        found = read_superblock(image.read(size))
    assert found is not None
    return found


def told_by_dumpe2fs(disk: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in run("dumpe2fs", "-h", str(disk)).splitlines())
    return {name: value.strip() for name, _, value in lines if value.strip()}


def moment(text: str) -> str:
    """Of dumpe2fs, in UTC."""
    parsed = datetime.strptime(text, "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    return parsed.isoformat(timespec="seconds")


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4"])
def test_a_fresh_ext_says_what_dumpe2fs_says(disk: Path, kind: str) -> None:
    run(f"mkfs.{kind}", "-q", "-U", UUID, "-L", "root", str(disk))
    told, found = told_by_dumpe2fs(disk), read(disk)
    assert (found.filesystem, found.uuid, found.label) == (kind, UUID, "root")
    assert found.state == told["Filesystem state"] == "clean"
    assert found.on_error == told["Errors behavior"].lower()
    assert found.journal == ("none" if kind == "ext2" else "empty")
    assert found.mount_count == int(told["Mount count"])
    assert found.written_at == moment(told["Last write time"])
    assert (found.error_count, found.first_error, found.last_error) == (0, None, None)


@pytest.mark.parametrize("error", [0, 1, 2, 4, 5, 16, 17])
def test_noted_errors_are_those_that_dumpe2fs_tells(disk: Path, error: int) -> None:
    run("mkfs.ext4", "-q", "-O", "^metadata_csum", str(disk))
    for name, value in (
        ("state", "2"),
        ("last_mounted", "/srv/root"),
        ("errors", "2"),
        ("error_count", "7"),
        ("first_error_time", "20260301101112"),
        ("first_error_func", "ext4_find_entry"),
        ("first_error_line", "1455"),
        ("first_error_ino", "131"),
        ("first_error_block", "81234567890"),
        ("last_error_time", "20260301101315"),
        ("last_error_func", "ext4_journal_check_start"),
        ("last_error_line", "83"),
    ):
        run("debugfs", "-w", "-R", f"set_super_value {name} {value}", str(disk))
    with disk.open("r+b") as image:  # debugfs does not know this field
        image.seek(1024 + 0x27A)
        image.write(bytes((error, error)))
    told, found = told_by_dumpe2fs(disk), read(disk)
    assert found.state == told["Filesystem state"] == "not clean with errors"
    assert found.on_error == told["Errors behavior"].lower()
    assert found.error_count == int(told["FS Error count"]) == 7
    assert found.last_mounted_on == told["Last mounted on"] == "/srv/root"
    for title, noted in (("First", found.first_error), ("Last", found.last_error)):
        assert noted is not None
        assert noted.at == moment(told[f"{title} error time"])
        assert noted.function == told[f"{title} error function"]
        assert noted.line == int(told[f"{title} error line #"])
        assert noted.inode == int(told.get(f"{title} error inode #", "0"))
        assert noted.block == int(told.get(f"{title} error block #", "0"))
        assert noted.error.lower() == told.get(f"{title} error err", "").lower()


def test_a_time_after_2038_is_read_whole(disk: Path) -> None:
    run("mkfs.ext4", "-q", str(disk))
    image = bytearray(disk.read_bytes()[:HEAD])
    struct.pack_into("<I", image, 1024 + 0x30, 5)
    image[1024 + 0x274] = 1
    found = read_superblock(bytes(image))
    assert found is not None
    assert found.written_at == "2106-02-07T06:28:21+00:00"


def test_an_xfs_says_what_it_cannot_tell(disk: Path) -> None:
    run("mkfs.xfs", "-q", "-m", f"uuid={UUID}", "-L", "root", str(disk))
    found = read(disk)
    assert (found.filesystem, found.uuid, found.label, found.state) == ("xfs", UUID, "root", "")
    assert found.journal == ""
    assert any("log cannot be told" in note for note in found.notes)
    image = bytearray(disk.read_bytes()[:HEAD])
    image[126] = 1
    unfinished = read_superblock(bytes(image))
    assert unfinished is not None
    assert unfinished.state == "being made, never finished"


def test_a_btrfs_lies_behind_the_first_64_kib(disk: Path) -> None:
    run("mkfs.btrfs", "-q", "-U", UUID, "-L", "root", str(disk))
    found = read(disk, size=HEAD + 4096)
    assert (found.filesystem, found.uuid, found.label, found.journal) == (
        *("btrfs", UUID, "root"),
        "empty",
    )
    assert read_superblock(disk.read_bytes()[:HEAD]) is None


@contextmanager
def mounted(disk: Path, options: str) -> Iterator[Path]:
    point = disk.parent / "mounted"
    point.mkdir()
    run("mount", "-o", f"loop,{options}", str(disk), str(point))
    try:
        yield point
    finally:
        run("umount", str(point))


@pytest.mark.real
def test_a_really_broken_ext4_names_its_first_error(disk: Path) -> None:
    require_root()
    run("mkfs.ext4", "-q", str(disk))
    with mounted(disk, "errors=remount-ro") as point:
        device = Path(run("findmnt", "-n", "-o", "SOURCE", str(point)).strip()).name
        Path("/sys/fs/ext4", device, "trigger_fs_error").write_text("lab")
    told, found = told_by_dumpe2fs(disk), read(disk)
    assert found.state == told["Filesystem state"]
    assert "with errors" in found.state
    assert found.error_count == int(told["FS Error count"]) >= 1
    assert found.first_error is not None
    assert found.first_error.at == moment(told["First error time"])
    assert found.first_error.function == told["First error function"]
    assert found.first_error.line == int(told["First error line #"])
    assert (found.journal == NEEDS_RECOVERY) == ("needs_recovery" in told["Filesystem features"])
    assert found.last_mounted_on == told["Last mounted on"].replace("<not available>", "")
    assert found.mounted_at == moment(told["Last mount time"])
    assert found.mount_count == int(told["Mount count"]) == 1


@pytest.mark.real
def test_an_xfs_that_was_shut_down_is_still_read(disk: Path) -> None:
    require_root()
    run("mkfs.xfs", "-q", "-m", f"uuid={UUID}", str(disk))
    with mounted(disk, "nouuid") as point:
        run("xfs_io", "-x", "-c", "shutdown", str(point))
    assert read(disk).uuid == UUID


MAGICS = ((1024 + 0x38, b"\x53\xef"), (0, b"XFSB"), (0x10040, b"_BHRfS_M"))


@given(
    seed=st.integers(0, 2**64),
    magic=st.sampled_from(MAGICS),
    cut=st.integers(0, 69632),
)
def test_any_bytes_are_read_without_a_crash(seed: int, magic: tuple[int, bytes], cut: int) -> None:
    image = bytearray(random.Random(seed).randbytes(HEAD + 4096))  # noqa: S311 - no secret
    offset, word = magic
    image[offset : offset + len(word)] = word
    found = read_superblock(bytes(image[:cut])) or read_superblock(bytes(image))
    assert found is not None
    errors = [error for error in (found.first_error, found.last_error) if error]
    texts = [found.label, found.last_mounted_on, *(error.function for error in errors)]
    assert all(len(text) <= SHOWN for text in texts)
    assert not re.search(
        r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ud800-\udfff]", "".join(texts)
    )


def test_text_in_a_superblock_is_bounded_and_escaped(disk: Path) -> None:
    run("mkfs.ext4", "-q", str(disk))
    image = bytearray(disk.read_bytes()[:HEAD])
    image[1024 + 0x78 : 1024 + 0x88] = b"\x1b]0;owned\x07\xff[/]\n"[:16]
    image[1024 + 0x88 : 1024 + 0xC8] = b"\xe2\x80\xae" * 21 + b"x"
    found = read_superblock(bytes(image))
    assert found is not None
    assert found.label == "\\x1b]0;owned\\x07\\xff[/]\\x0a"
    assert "\u202e" not in found.last_mounted_on
    assert len(found.last_mounted_on) <= SHOWN


@pytest.mark.parametrize("disk_bytes", [b"", b"\0" * HEAD, b"XFSB", b"\x53\xef" * 700])
def test_what_is_no_file_system_is_none(disk_bytes: bytes) -> None:
    found = read_superblock(disk_bytes)
    assert found is None or found.filesystem.startswith("ext")
