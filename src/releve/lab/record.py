"""lab.json: every name and number a lab uses, written before the first thing is made."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from releve.errors import LabError
from releve.lab.settings import RootFilesystem

_VERSION: Final = 1


@dataclass(frozen=True)
class HostRecord:
    """The host as `up` makes it; a recovery may since have put it on another instance."""

    name: str
    root_filesystem: RootFilesystem
    private_address: str
    public_address: str

    @property
    def disk(self) -> str:
        return f"{self.name}-root"


@dataclass(frozen=True)
class VolumeRecord:
    host: str
    name: str
    size: str
    mount: str

    @property
    def pool(self) -> str:
        return f"{self.host}-{self.name}"

    @property
    def identity(self) -> str:
        """The provider's id of it."""
        return f"{self.pool}/{self.name}"


@dataclass(frozen=True)
class LabRecord:
    name: str
    engine: str
    bridge: str
    subnet: str
    mtu: int
    copy_on_write: bool
    hosts: tuple[HostRecord, ...]
    volumes: tuple[VolumeRecord, ...]
    complete: bool = False

    def volumes_of(self, host: str) -> tuple[VolumeRecord, ...]:
        return tuple(volume for volume in self.volumes if volume.host == host)


def read_record(path: Path) -> LabRecord | None:
    """None when there is no lab; LabError when the file is damaged."""
    try:
        content = json.loads(path.read_text())
        return _parse(content)
    except FileNotFoundError:
        return None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LabError(
            "The lab's record cannot be read",
            why=f"{path} is damaged or was written by another version",
            remedy="run `releve lab down`, which does not need it, then `releve lab up`",
        ) from error


def write_record(path: Path, record: LabRecord) -> None:
    """Whole or not at all, and on the disk when the call returns."""
    draft = path.with_suffix(".new")
    with draft.open("w") as file:
        json.dump({"version": _VERSION, **asdict(record)}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _parse(content: dict[str, Any]) -> LabRecord:
    if content.pop("version") != _VERSION:
        raise ValueError("version")
    hosts = tuple(
        HostRecord(**{**host, "root_filesystem": RootFilesystem(host["root_filesystem"])})
        for host in content.pop("hosts")
    )
    volumes = tuple(VolumeRecord(**volume) for volume in content.pop("volumes"))
    return LabRecord(**content, hosts=hosts, volumes=volumes)
