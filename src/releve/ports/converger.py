"""The team's playbooks, run on one host."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from releve.model.converge import ConvergeResult, TaskEvent, UnsettledTask
from releve.ports.access import Door


@dataclass(frozen=True)
class ConvergeRequest:
    run_id: str
    repository: str  # directory of releve.yml and ansible.cfg
    playbook: str  # relative to the repository
    inventory: tuple[str, ...]  # relative to the repository; empty: as ansible.cfg says
    host: str  # inventory name; the run is limited to it
    door: Door  # where that host is now
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    timeout_seconds: float = 3600.0
    unsettled: tuple[UnsettledTask, ...] = ()  # of earlier converges that did not end


def _ignore(_event: TaskEvent) -> None:
    return


@dataclass(frozen=True)
class ConvergeWatch:
    """How the caller follows a converge and stops it."""

    on_task_start: Callable[[str], None]  # task name
    on_event: Callable[[TaskEvent], None]
    should_stop: Callable[[], bool]
    on_begin: Callable[[TaskEvent], None] = _ignore  # status "started": it may act from now on


class Converger(ABC):
    @abstractmethod
    def converge(self, request: ConvergeRequest, *, watch: ConvergeWatch) -> ConvergeResult:
        """Run in a child process that dies with the caller; judged on stats and the host set."""

    @abstractmethod
    def list_problems(self, request: ConvergeRequest) -> tuple[str, ...]:
        """Syntax, missing roles, unknown host, versions; without touching any host."""

    @abstractmethod
    def read_vaulted(self, repository: str, path: str) -> bytes:
        """Decrypt one file with the team's vault; kept in memory only, never logged."""
