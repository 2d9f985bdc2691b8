"""The durable record of runs: append-only history, read by every command.

Every write is durable when the call returns. A write that fails raises JournalError, on which
the process ends and the run stays resumable.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from releve.model.converge import TaskEvent
from releve.model.run import JournalEvent, RunInput, RunRecord, RunState


class Journal(ABC):
    @abstractmethod
    def open_run(self, run: RunInput) -> None:
        """Record a new run as PENDING; the same input twice is one run."""

    @abstractmethod
    def next_epoch(self, host: str) -> int:
        """One more than any epoch recorded for the host."""

    @abstractmethod
    def append(self, event: JournalEvent) -> None: ...

    @abstractmethod
    def set_state(self, run_id: str, state: RunState, *, next_action: str) -> None: ...

    @abstractmethod
    def request_cancel(self, run_id: str) -> None: ...

    @abstractmethod
    def append_task(self, run_id: str, step: str, event: TaskEvent) -> None: ...

    @abstractmethod
    def read_run(self, run_id: str) -> RunRecord:
        """PlanError with near run ids when there is none."""

    @abstractmethod
    def list_runs(self, *, host: str = "", limit: int = 100) -> tuple[RunRecord, ...]:
        """Newest first."""

    @abstractmethod
    def read_events(self, run_id: str) -> tuple[JournalEvent, ...]: ...

    @abstractmethod
    def read_tasks(self, run_id: str) -> tuple[TaskEvent, ...]: ...

    @abstractmethod
    def past_seconds(self, host: str) -> dict[str, tuple[float, ...]]:
        """Step name to its durations in finished runs, newest first, at most 10 each."""


class Lease(ABC):
    """One writer per run and per host; freed by the system when its process dies."""

    @abstractmethod
    def hold(self, names: Sequence[str]) -> None:
        """Take all of these or none; RunHeld when another process has one."""

    @abstractmethod
    def is_held(self, name: str) -> bool:
        """Whether any process, this one included, holds it."""

    @abstractmethod
    def verify(self) -> None:
        """RunHeld when a lease of ours was lost; asked just before each effect."""

    @abstractmethod
    def release(self) -> None: ...
