"""What a lab needs of the machine, asked before anything is made."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from releve.errors import LabError
from releve.lab.settings import LabSettings, RootFilesystem

_FREE_BYTES: Final = 4 * 2**30
_PACKAGES: Final = {
    "apt-config": "apt",
    "blkid": "util-linux",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "losetup": "mount",
    "mkfs.ext4": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "setpriv": "util-linux",
    "ssh-keygen": "openssh-client",
    "tar": "tar",
}
_XFS_PACKAGES: Final = {"mkfs.xfs": "xfsprogs", "xfs_io": "xfsprogs"}


def require_root() -> None:
    if os.geteuid() != 0:
        raise LabError(
            "The lab needs root",
            why="it mounts disks, makes a bridge and starts containers",
            remedy="run the same command with sudo",
        )


def require_programs(settings: LabSettings) -> None:
    xfs = settings.root_filesystem is RootFilesystem.XFS
    needed = {**_PACKAGES, **_XFS_PACKAGES} if xfs else _PACKAGES
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        raise LabError(
            f"The lab needs programs that are not installed: {', '.join(missing)}",
            remedy=f"run ./dev, or apt-get install {' '.join(name_packages(missing))}",
        )


def name_packages(programs: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({{**_PACKAGES, **_XFS_PACKAGES}[program] for program in programs}))


def require_space(directory: Path) -> None:
    standing = next(place for place in (directory, *directory.parents) if place.exists())
    free = shutil.disk_usage(standing).free
    if free < _FREE_BYTES:
        raise LabError(
            f"{standing} has too little room for a lab",
            why=f"{free / 2**30:.1f} GiB are free, a lab needs {_FREE_BYTES // 2**30} GiB",
            remedy="free some, or name a --directory on a larger disk",
        )
