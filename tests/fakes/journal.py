"""A journal that passes everything on, for those that watch or break what is written."""

from releve.model.converge import TaskEvent
from releve.model.run import JournalEvent, RunInput, RunRecord, RunState
from releve.ports.journal import Journal


class PassingJournal(Journal):
    def __init__(self, inner: Journal) -> None:
        self.inner = inner

    def open_run(self, run: RunInput) -> None:
        self.inner.open_run(run)

    def next_epoch(self, host: str) -> int:
        return self.inner.next_epoch(host)

    def append(self, event: JournalEvent) -> None:
        self.inner.append(event)

    def set_state(self, run_id: str, state: RunState, *, next_action: str) -> None:
        self.inner.set_state(run_id, state, next_action=next_action)

    def request_cancel(self, run_id: str) -> None:
        self.inner.request_cancel(run_id)

    def append_task(self, run_id: str, step: str, event: TaskEvent) -> None:
        self.inner.append_task(run_id, step, event)

    def read_run(self, run_id: str) -> RunRecord:
        return self.inner.read_run(run_id)

    def list_runs(self, *, host: str = "", limit: int = 100) -> tuple[RunRecord, ...]:
        return self.inner.list_runs(host=host, limit=limit)

    def read_events(self, run_id: str) -> tuple[JournalEvent, ...]:
        return self.inner.read_events(run_id)

    def read_tasks(self, run_id: str) -> tuple[TaskEvent, ...]:
        return self.inner.read_tasks(run_id)

    def past_seconds(self, host: str) -> dict[str, tuple[float, ...]]:
        return self.inner.past_seconds(host)
