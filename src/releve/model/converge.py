"""What a converge did, as Ansible's events tell it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class TouchKind(StrEnum):
    PATH = "path"
    PACKAGE = "package"
    UNIT = "unit"
    USER = "user"
    GROUP = "group"
    CRON = "cron"
    SYSCTL = "sysctl"
    DATABASE = "database"
    REPOSITORY = "repository"
    OTHER = "other"


@dataclass(frozen=True)
class Touch:
    """One thing a task manages; the ledger later explains facts by it."""

    kind: TouchKind
    name: str


@dataclass(frozen=True)
class TaskEvent:
    """One task result on one host; holds no module output beyond these fields."""

    host: str
    play: str
    task: str
    role: str
    location: str  # file:line inside the team's repository where possible
    action: str  # fully qualified module name
    status: str  # started, then ok, changed, failed, unreachable, skipped, ignored
    started_at: str  # ISO 8601 UTC
    seconds: float
    touches: tuple[Touch, ...] = ()
    message: str = ""  # on failure, bounded; "censored" under no_log


@dataclass(frozen=True)
class HostStats:
    host: str
    ok: int = 0
    changed: int = 0
    failed: int = 0
    unreachable: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0


@dataclass(frozen=True)
class ConvergeResult:
    succeeded: bool
    reason: str  # the sentence that explains it
    stats: tuple[HostStats, ...]
    exit_code: int
    seconds: float
    accelerator: str  # "mitogen 0.3.54" or "pipelining", with the reason
    failed_task: TaskEvent | None = None
    tasks: int = 0


_UNSETTLED = frozenset({"started", "changed", "failed", "unreachable"})


@dataclass(frozen=True)
class UnsettledTask:
    """A task that may have changed its host without its handlers having run since."""

    path: str  # file of the task, as in TaskEvent.location without the line
    name: str


def list_unsettled(events: Iterable[TaskEvent]) -> tuple[UnsettledTask, ...]:
    """Of a converge that did not come to its end: what changed, failed, or never answered."""
    last: dict[UnsettledTask, str] = {}
    for event in events:
        task = UnsettledTask(event.location.rpartition(":")[0], event.task)
        if event.status == "started" and last.get(task) == "changed":
            continue  # begun again, and still owed its handlers
        last[task] = event.status
    return tuple(task for task, status in last.items() if status in _UNSETTLED)
