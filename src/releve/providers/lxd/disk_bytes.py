"""The bytes below a directory of this machine: which mount, on which device or file."""

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")
_BLOCKS: Final = Path("/sys/class/block")
_CHUNK: Final = 2**20
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class MountPoint:
    point: Path
    filesystem: str
    source: Path


def find_mount(path: Path) -> MountPoint | None:
    """The one that the path lies on: the deepest, and of several there the last."""
    return choose_mount(_MOUNTS.read_text(errors="surrogateescape"), path)


def choose_mount(table: str, path: Path) -> MountPoint | None:
    chosen: MountPoint | None = None
    for mount in read_mounts(table):
        is_above = path == mount.point or mount.point in path.parents
        if is_above and (chosen is None or len(mount.point.parts) >= len(chosen.point.parts)):
            chosen = mount
    return chosen


def read_mounts(table: str) -> Iterator[MountPoint]:
    for line in table.splitlines():
        before, separator, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if separator and len(fields) > 4 and len(kind) > 1:
            yield MountPoint(Path(_unescape(fields[4])), kind[0], Path(_unescape(kind[1])))


def medium_of(mount: MountPoint) -> Path:
    """The file behind a loop device, which holds what has been written; else the device."""
    loop = _BLOCKS / mount.source.name / "loop"
    try:
        is_whole = (loop / "offset").read_text().strip() == "0"
        backing = Path((loop / "backing_file").read_text().rstrip("\n"))
    except OSError:
        return mount.source
    return backing if is_whole and backing.is_file() else mount.source


def read_start(medium: Path, size: int) -> bytes:
    with medium.open("rb") as file:
        return file.read(size)


def digest_of(medium: Path) -> str:
    """sha256 of all its bytes; the holes of a file are hashed without being read."""
    digest, zeros = hashlib.sha256(), bytes(_CHUNK)
    with medium.open("rb", buffering=0) as file:
        end, position = file.seek(0, os.SEEK_END), 0
        while position < end:
            start = _next_data(file.fileno(), position, end=end)
            while position < start:
                step = min(_CHUNK, start - position)
                digest.update(memoryview(zeros)[:step])
                position += step
            file.seek(position)
            chunk = file.read(min(_CHUNK, end - position))
            if not chunk:
                break  # at the end, or cut shorter meanwhile
            digest.update(chunk)
            position += len(chunk)
    return digest.hexdigest()


def _next_data(descriptor: int, position: int, *, end: int) -> int:
    try:
        return os.lseek(descriptor, position, os.SEEK_DATA)
    except OSError as error:
        # a hole up to the end; any other error: holes are not told of here
        return end if error.errno == errno.ENXIO else position


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)
