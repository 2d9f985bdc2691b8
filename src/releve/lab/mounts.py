"""Mounts and loop devices of this machine, told by the paths they stand on."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from releve.lab.commands import attempt, run


@dataclass(frozen=True)
class Mount:
    source: str
    point: str
    filesystem: str
    options: str


@dataclass(frozen=True)
class Loop:
    device: str
    file: str


def list_mounts(table: Path = Path("/proc/self/mounts")) -> tuple[Mount, ...]:
    """In the order they were made."""
    rows = [line.split() for line in table.read_text(errors="replace").splitlines()]
    return tuple(
        Mount(_unescape(row[0]), _unescape(row[1]), row[2], row[3]) for row in rows if len(row) > 3
    )


def list_mounts_below(*directories: Path) -> tuple[Mount, ...]:
    return tuple(
        mount
        for mount in list_mounts()
        if any(_is_below(mount.point, directory) for directory in directories)
    )


def unmount_below(*directories: Path) -> None:
    """The newest first; a mount still in use is cut off and goes with its last user."""
    for mount in reversed(list_mounts_below(*directories)):
        if attempt(["umount", mount.point]).exit_code != 0:
            run(["umount", "--lazy", mount.point])


def list_loops_below(*directories: Path) -> tuple[Loop, ...]:
    listed = attempt(["losetup", "--list", "--json", "--output", "NAME,BACK-FILE"])
    if not listed.output.strip():
        return ()
    loops = [
        Loop(row["name"], (row["back-file"] or "").removesuffix(" (deleted)"))
        for row in json.loads(listed.output)["loopdevices"]
    ]
    return tuple(
        loop for loop in loops if any(_is_below(loop.file, directory) for directory in directories)
    )


def _is_below(path: str, directory: Path) -> bool:
    return path == str(directory) or path.startswith(f"{directory}/")


def _unescape(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), field)
