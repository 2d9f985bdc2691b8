"""What the superblock of a file system says of its last days: pure, from the first bytes of a disk.

The bytes are a dead server's claims. Nothing in them can raise, and what is text is bounded and
escaped; a field that makes no sense is left out.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from releve.model.server_text import show_server_text


@dataclass(frozen=True)
class DiskError:
    """An error that the file system itself noted."""

    at: str  # ISO 8601 UTC; empty: not noted
    function: str  # of the kernel
    line: int  # in the kernel's source
    error: str  # EIO, EFSCORRUPTED…; empty: not noted
    block: int = 0  # 0: none was noted
    inode: int = 0


@dataclass(frozen=True)
class Superblock:
    filesystem: str  # ext2, ext3, ext4, xfs, btrfs
    uuid: str
    label: str = ""
    state: str = ""  # in the words of dumpe2fs: clean with errors
    on_error: str = ""  # continue, remount read-only, panic
    journal: str = ""  # whether changes wait in it: needs recovery, empty; empty text: cannot tell
    error_count: int = 0
    first_error: DiskError | None = None
    last_error: DiskError | None = None
    mount_count: int | None = None
    last_mounted_on: str = ""
    mounted_at: str = ""  # ISO 8601 UTC
    written_at: str = ""
    notes: tuple[str, ...] = ()  # what this file system cannot tell


NEEDS_RECOVERY: Final = "needs recovery"

_EXT: Final = 1024  # where it begins
_EXT_SIZE: Final = 1024
_EXT_MAGIC: Final = 0xEF53
_VALID, _HAS_ERRORS, _ORPHANS = 1, 2, 4
_HAS_JOURNAL: Final = 0x4  # compatible features
_RECOVER: Final = 0x4  # incompatible features
_EXT4_ONLY: Final = 0x40 | 0x80 | 0x200 | 0x8000  # extents, 64bit, flex_bg, inline_data
_EXT4_ONLY_RO: Final = 0x8 | 0x10 | 0x20 | 0x40 | 0x400  # huge_file … metadata_csum
_ON_ERROR: Final = {1: "continue", 2: "remount read-only", 3: "panic"}
_ERROR_CODES: Final = (
    *("", "unknown", "EIO", "ENOMEM", "EFSBADCRC", "EFSCORRUPTED", "ENOSPC", "ENOKEY", "EROFS"),
    *("EFBIG", "EEXIST", "ERANGE", "EOVERFLOW", "EBUSY", "ENOTDIR", "ENOTEMPTY", "ESHUTDOWN"),
    "EFAULT",
)
_XFS_SIZE: Final = 512
_XFS_NEEDS_REPAIR: Final = 0x10  # incompatible features
_BTRFS: Final = 0x10000
_BTRFS_SIZE: Final = 4096


def read_superblock(disk: bytes) -> Superblock | None:
    """From the first bytes of a disk; None where no ext, XFS or btrfs can be seen.

    64 KiB are enough but for btrfs, whose superblock begins there.
    """
    for parse in (_parse_ext, _parse_xfs, _parse_btrfs):
        found = parse(disk)
        if found is not None:
            return found
    return None


def _parse_ext(disk: bytes) -> Superblock | None:
    block = disk[_EXT : _EXT + _EXT_SIZE]
    if len(block) < _EXT_SIZE or _number(block, "<H", 0x38) != _EXT_MAGIC:
        return None
    compatible, incompatible = _number(block, "<I", 0x5C), _number(block, "<I", 0x60)
    count = _number(block, "<I", 0x194)
    return Superblock(
        filesystem=_name_ext(block),
        uuid=_uuid(block[0x68:0x78]),
        label=_text(block[0x78:0x88]),
        state=_tell_state(_number(block, "<H", 0x3A)),
        on_error=_ON_ERROR.get(_number(block, "<H", 0x3C), ""),
        journal=_tell_journal(compatible, incompatible),
        error_count=count,
        first_error=_read_error(block, _FIRST) if count else None,
        last_error=_read_error(block, _LAST) if count else None,
        mount_count=_number(block, "<H", 0x34),
        last_mounted_on=_text(block[0x88:0xC8]),
        mounted_at=_moment(_number(block, "<I", 0x2C), block[0x275]),
        written_at=_moment(_number(block, "<I", 0x30), block[0x274]),
    )


def _name_ext(block: bytes) -> str:
    incompatible, read_only = _number(block, "<I", 0x60), _number(block, "<I", 0x64)
    if incompatible & _EXT4_ONLY or read_only & _EXT4_ONLY_RO:
        return "ext4"
    return "ext3" if _number(block, "<I", 0x5C) & _HAS_JOURNAL else "ext2"


def _tell_state(state: int) -> str:
    told = "clean" if state & _VALID else "not clean"
    if state & _HAS_ERRORS:
        told += " with errors"
    return told + (", orphans being cleaned up" if state & _ORPHANS else "")


def _tell_journal(compatible: int, incompatible: int) -> str:
    if not compatible & _HAS_JOURNAL:
        return "none"
    return NEEDS_RECOVERY if incompatible & _RECOVER else "empty"


# where each field of an error lies: seconds, their high byte, code, line, block, inode, function
_FIRST: Final[Mapping[str, int]] = {
    "seconds": 0x198, "high": 0x278, "code": 0x27A, "line": 0x1C8, "block": 0x1A0, "inode": 0x19C,
    "function": 0x1A8,
}  # fmt: skip
_LAST: Final[Mapping[str, int]] = {
    "seconds": 0x1CC, "high": 0x279, "code": 0x27B, "line": 0x1D4, "block": 0x1D8, "inode": 0x1D0,
    "function": 0x1E0,
}  # fmt: skip


def _read_error(block: bytes, fields: Mapping[str, int]) -> DiskError:
    code = block[fields["code"]]
    return DiskError(
        at=_moment(_number(block, "<I", fields["seconds"]), block[fields["high"]]),
        function=_text(block[fields["function"] : fields["function"] + 32]),
        line=_number(block, "<I", fields["line"]),
        error=_ERROR_CODES[code] if code < len(_ERROR_CODES) else f"code {code}",
        block=_number(block, "<Q", fields["block"]),
        inode=_number(block, "<I", fields["inode"]),
    )


def _parse_xfs(disk: bytes) -> Superblock | None:
    block = disk[:_XFS_SIZE]
    if len(block) < _XFS_SIZE or block[:4] != b"XFSB":
        return None
    in_progress, features = block[126], _number(block, ">I", 216)
    state = "being made, never finished" if in_progress else ""
    return Superblock(
        filesystem="xfs",
        uuid=_uuid(block[32:48]),
        label=_text(block[108:120]),
        state=state or ("marked for repair" if features & _XFS_NEEDS_REPAIR else ""),
        notes=(
            "XFS notes no error on the disk: the kernel lines are the only witness",
            "whether changes wait in its log cannot be told from the superblock",
        ),
    )


def _parse_btrfs(disk: bytes) -> Superblock | None:
    block = disk[_BTRFS : _BTRFS + _BTRFS_SIZE]
    if len(block) < _BTRFS_SIZE or block[0x40:0x48] != b"_BHRfS_M":
        return None
    return Superblock(
        filesystem="btrfs",
        uuid=_uuid(block[0x20:0x30]),
        label=_text(block[0x12B:0x22B]),
        journal=NEEDS_RECOVERY if _number(block, "<Q", 0x60) else "empty",
        notes=("btrfs notes errors in a tree of its own, not in the superblock",),
    )


def _number(block: bytes, form: str, offset: int) -> int:
    (value,) = struct.unpack_from(form, block, offset)
    return int(value)


def _uuid(raw: bytes) -> str:
    return str(UUID(bytes=bytes(raw))) if any(raw) else ""


def _text(raw: bytes) -> str:
    return show_server_text(raw.split(b"\0", 1)[0], limit=64)


def _moment(seconds: int, high: int) -> str:
    whole = seconds + (high << 32)
    if not whole:
        return ""
    try:
        return datetime.fromtimestamp(whole, tz=UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return ""
