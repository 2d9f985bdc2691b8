"""What a probe tells of a host, from inside it and from outside."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from releve.model.checks import CheckResult


class WriteOutcome(StrEnum):
    """How a real create, write, fsync and unlink ended."""

    WRITTEN = "written"
    READ_ONLY = "read-only"  # EROFS
    IO_ERROR = "io-error"  # EIO, and what file systems say in its place: EUCLEAN, ESHUTDOWN, ENXIO
    NO_SPACE = "no-space"  # ENOSPC, EDQUOT
    HUNG = "hung"  # not ended at its deadline
    RUNNING = "running"  # not ended yet, and not at its deadline: says nothing so far
    REFUSED = "refused"  # EACCES, EPERM and all else: says nothing about the disk
    UNTRIED = "untried"  # not a place to write to


class Intent(StrEnum):
    """How a mount is meant to be, by what the host itself says."""

    WRITABLE = "writable"  # in fstab, without ro
    READ_ONLY = "read-only"  # in fstab with ro, or a file system that cannot be written
    UNSTATED = "unstated"  # not in fstab


@dataclass(frozen=True)
class MountReading:
    path: str
    device: str  # the kernel's short name: vda1, loop3, dm-0; empty: no block device
    filesystem: str
    intent: Intent
    read_only_view: bool  # this mount alone is read-only, as a bind mount may be
    read_only_filesystem: bool  # its superblock is
    emergency: bool  # emergency_ro, or shutdown, among its options
    write: WriteOutcome
    error_number: int = 0
    write_seconds: float = 0.0
    errors: int = 0  # ext4's errors_count, btrfs's of its devices; they last over restarts
    last_error: str = ""  # function:line at time, as ext4 names it
    bytes_total: int = 0
    bytes_free: int = 0  # for those who are not root
    inodes_total: int = 0
    inodes_free: int = 0


@dataclass(frozen=True)
class KernelLine:
    """A line of the kernel's log that tells of a failing disk or file system of this host."""

    seconds: float  # since the host's start
    device: str  # as in MountReading; the disk's name where it carries several of them
    text: str  # bounded to 400 characters


@dataclass(frozen=True)
class Certificate:
    path: str
    expires: datetime


@dataclass(frozen=True)
class InsideReading:
    """One round of the resident probe."""

    sequence: int
    boot_id: str
    host_time: datetime  # the host's own clock
    mounts: tuple[MountReading, ...]
    kernel_log_readable: bool
    kernel_lines: tuple[KernelLine, ...] = ()  # new ones since the round before
    failed_units: tuple[str, ...] = ()
    certificates: tuple[Certificate, ...] = ()


class Silence(StrEnum):
    """Why nothing comes from inside."""

    REFUSED = "refused"  # an answer that says no: login refused, no Python
    UNREACHABLE = "unreachable"  # no answer, or none in time
    WRONG_KEY = "wrong-key"  # somebody else answers there
    ENDED = "ended"  # the probe ended by itself, or sent what it must not


@dataclass(frozen=True)
class Lost:
    kind: Silence
    reason: str  # one sentence; server text in it is data, bounded to 2,000 characters


@dataclass(frozen=True)
class OutsideReading:
    """The plan's checks that need no shell, from this controller."""

    checks: tuple[CheckResult, ...]
    port_answers: bool  # its SSH port takes a connection; unrelated to any login


@dataclass(frozen=True)
class ProviderReading:
    power: str  # "running", "stopped", "unknown"; "missing" where the instance is gone
    reason: str = ""
