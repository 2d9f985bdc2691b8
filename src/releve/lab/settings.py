"""Which lab is meant, and where it keeps its things."""

import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from releve.errors import LabError
from releve.workflow.state_file import find_state_directory

_GATES: Final = Path("/run")
_GATE_PREFIX: Final = "releve-lab-"
_LAB_NAME: Final = r"[a-z][a-z0-9-]{0,30}"
_HOST_NAME: Final = r"[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?"


class RootFilesystem(StrEnum):
    EXT4 = "ext4"
    XFS = "xfs"


@dataclass(frozen=True)
class LabSettings:
    name: str = "lab"
    directory: Path = Path()  # empty: under the state directory, by name
    hosts: tuple[str, ...] = ()  # empty: as the lab is; a new one has one, blog
    root_filesystem: RootFilesystem | None = None  # None: as the lab is; a new one has ext4
    fresh_image: bool = False
    copy_on_write: bool = True  # where the kernel has btrfs
    image_cache: Path = field(default_factory=lambda: find_state_directory() / "cache" / "images")

    def __post_init__(self) -> None:
        if self.directory == Path():
            object.__setattr__(self, "directory", find_state_directory() / "lab" / self.name)

    @property
    def paths(self) -> "LabPaths":
        return LabPaths(self.directory.resolve())


@dataclass(frozen=True)
class LabPaths:
    """`directory` holds the bytes; everything is used through `gate`, a bind mount of it.

    Instances run as unprivileged users and cannot pass a closed home directory, and a socket
    path has a short limit: the gate is short and open to pass.
    """

    directory: Path

    @property
    def identity(self) -> str:
        """The same for the same directory, on this machine, for ever."""
        return hashlib.sha256(str(self.directory).encode()).hexdigest()[:8]

    @property
    def gate(self) -> Path:
        return _GATES / f"{_GATE_PREFIX}{self.identity}"

    @property
    def bridge(self) -> str:
        return f"rlv{self.identity}"

    @property
    def bridges(self) -> tuple[str, ...]:
        """With the one that the provider makes beside it for isolated instances."""
        return (self.bridge, f"{self.bridge}-iso")

    @property
    def daemon(self) -> Path:
        return self.gate / "daemon"

    @property
    def socket(self) -> Path:
        return self.daemon / "unix.socket"

    @property
    def disks(self) -> Path:
        return self.gate / "disks"

    @property
    def roots(self) -> Path:
        return self.gate / "roots"

    @property
    def client(self) -> Path:
        return self.gate / "client"

    @property
    def mark(self) -> Path:
        """Says that the directory is a lab's, and may be removed."""
        return self.directory / ".releve-lab"

    @property
    def log(self) -> Path:
        return self.directory / "daemon.log"

    @property
    def record(self) -> Path:
        return self.directory / "lab.json"

    @property
    def ssh_key(self) -> Path:
        return self.directory / "ssh_key"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"


def list_gates() -> tuple[Path, ...]:
    """Of every lab that runs on this machine, wherever it keeps its things."""
    return tuple(sorted(_GATES.glob(f"{_GATE_PREFIX}*")))


def check_settings(settings: LabSettings) -> None:
    """LabError for a name or a directory that cannot work."""
    if not re.fullmatch(_LAB_NAME, settings.name):
        raise LabError(
            f"{settings.name!r} cannot name a lab",
            why="a name is lower-case letters, digits and dashes, and starts with a letter",
            remedy="choose another --name",
        )
    if len(set(settings.hosts)) != len(settings.hosts):
        raise LabError(
            "A lab needs hosts with different names",
            why=f"it was asked for: {', '.join(settings.hosts)}",
            remedy="give --host once per name",
        )
    for host in settings.hosts:
        if not re.fullmatch(_HOST_NAME, host):
            raise LabError(
                f"{host!r} cannot name a host",
                why="a name is lower-case letters, digits and dashes, at most 32",
                remedy="choose another --host",
            )
