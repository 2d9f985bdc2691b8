"""What a report says of a dead disk, and of what came back from it: frozen, bounded."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class DiskErrorFacts:
    """An error that the file system of the dead disk noted by itself."""

    at: datetime | None
    function: str
    line: int
    error: str
    block: int  # 0: none was noted
    inode: int


@dataclass(frozen=True)
class DiskFacts:
    filesystem: str
    state: str
    error_count: int
    first_error: DiskErrorFacts | None
    last_error: DiskErrorFacts | None
    mounted_at: datetime | None
    written_at: datetime | None
    journal: str
    notes: tuple[str, ...]
    digest: str  # sha256 before and after; empty: see why
    is_proven_unchanged: bool
    why: str


@dataclass(frozen=True)
class LogLine:
    at: datetime | None
    unit: str
    text: str


@dataclass(frozen=True)
class LastWords:
    kernel: tuple[LogLine, ...]  # from the dead disk
    while_it_ran: tuple[str, ...]  # the kernel's, before the fence
    complaints: tuple[LogLine, ...]  # of what could not write any more
    source: str
    why: str  # why there are none
    scanned_at: datetime | None  # the last scan of the living host
    active_units: int
    failed_units: tuple[str, ...]


@dataclass(frozen=True)
class Lost:
    """One finding: what differs between the dead disk and the new host, by its cause."""

    fingerprint: str
    title: str
    tier: str
    status: str
    cause: str
    subject: str
    deviations: int


@dataclass(frozen=True)
class Recount:
    """Every fact of the dead disk is in exactly one of the first five numbers."""

    came_back: int
    noise: int
    changed: int
    missing: int
    unknown: int
    facts: int  # their sum
    only_new: int
    finding_count: int
    data_at_risk: int
    findings: tuple[Lost, ...]  # what hurts most first; bounded


@dataclass(frozen=True)
class NotDone:
    step: str
    reason: str
