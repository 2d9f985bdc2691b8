"""A copy of a dead disk that ends by itself: its file has no name, its loop device clears itself.

XFS keeps what happened since its mount in its log alone: without a replay a disk that was shut
down shows little or nothing, and a replay on the disk itself would change its bytes.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from releve.errors import Refused
from releve.providers.lxd.disk_bytes import find_mount, medium_of

_OPTIONS: Final = {"xfs": "nouuid"}  # its original, which has the same, is still mounted
_COPY_SECONDS: Final = 1800.0


@contextmanager
def lend_copy(root: Path, *, what: str) -> Iterator[dict[str, str]]:
    """A block device for LXD to mount within; it lasts as long as that mount."""
    mount = find_mount(root)
    medium = medium_of(mount) if mount else root
    if mount is None or mount.point != root or not medium.is_file():
        why = "its file system is shut down, and its disk is no file of its own to be copied"
        raise _refuse(what, why)
    with NamedTemporaryFile(dir=medium.parent, prefix="releve-copy-") as copy:
        _run(["cp", "--sparse=always", "--reflink=auto", str(medium), copy.name], what=what)
        loop = _run(["losetup", "--find", "--show", copy.name], what=what)
    try:
        options = _OPTIONS.get(mount.filesystem, "")
        yield {"source": loop} | ({"raw.mount.options": options} if options else {})
    finally:
        _run(["losetup", "--detach", loop], what=what)  # at once, or when LXD unmounts it


def _run(argv: list[str], *, what: str) -> str:
    try:
        ended = subprocess.run(  # noqa: S603 (an argv list of our own making)
            argv, capture_output=True, text=True, check=True, timeout=_COPY_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _refuse(what, f"{argv[0]} failed here: {error}") from error
    return ended.stdout.strip()


def _refuse(what: str, why: str) -> Refused:
    return Refused(what, why=why, remedy="Read the disk on the LXD host itself")
