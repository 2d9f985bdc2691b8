"""The last recovery and the last drill of each host, from the journal."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from releve.errors import PlanError, ReleveError
from releve.model.run import EventKind, Mode, RunRecord
from releve.ports.journal import Journal

FRESH_SECONDS: Final = 15.0
PATIENCE_SECONDS: Final = 2.0  # a scrape waits no longer for a slow journal
_SHOWN: Final = (Mode.RECOVER, Mode.DRILL)
_CONCLUDED: Final = "conclude"  # the step of a drill that leaves its verdict


@dataclass(frozen=True)
class LastRun:
    record: RunRecord
    readiness: str = ""  # of a drill that came to its end


class RunHistory:
    """Asks the journal for no more than has changed; one caller at a time."""

    def __init__(self, journal: Journal, *, hosts: Callable[[], Iterable[str]]) -> None:
        self._journal = journal
        self._hosts = hosts
        self._last: dict[tuple[str, Mode], LastRun] = {}
        self._asked: set[str] = set()

    def look(self) -> tuple[LastRun, ...]:
        """Blocks; those of the plan's hosts."""
        hosts = set(self._hosts())
        for record in self._journal.list_runs(limit=50):
            self._keep(record)
        for host in hosts - self._asked:
            for record in self._journal.list_runs(host=host, limit=20):
                self._keep(record)
            self._asked.add(host)
        self._read_again()
        return tuple(run for (host, _), run in sorted(self._last.items()) if host in hosts)

    def _keep(self, record: RunRecord) -> None:
        key = (record.input.host, record.input.mode)
        if record.input.mode not in _SHOWN:
            return
        known = self._last.get(key)
        if known is None or known.record.started_at < record.started_at:
            self._last[key] = LastRun(record, self._read_readiness(record))

    def _read_again(self) -> None:
        for key, run in list(self._last.items()):
            if run.record.state.is_over:
                continue
            try:
                record = self._journal.read_run(run.record.input.run_id)
            except PlanError:  # its rows are gone
                del self._last[key]
                continue
            if record != run.record:
                self._last[key] = LastRun(record, self._read_readiness(record))

    def _read_readiness(self, record: RunRecord) -> str:
        if record.input.mode is not Mode.DRILL or not record.state.is_over:
            return ""
        for event in reversed(self._journal.read_events(record.input.run_id)):
            if event.step == _CONCLUDED and event.kind is EventKind.DONE:
                return str((event.data.get("output") or {}).get("readiness", ""))
        return ""


class FreshRuns:
    """What a scrape sees of the journal; a journal that hangs holds one thread, and no scrape."""

    def __init__(self, look: Callable[[], tuple[LastRun, ...]]) -> None:
        self._look = look
        self._runs: tuple[LastRun, ...] = ()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="last runs")
        self._task: asyncio.Future[tuple[LastRun, ...]] | None = None
        self._looked_at = float("-inf")
        self.is_readable = True

    async def read(self) -> tuple[LastRun, ...]:
        """At most 15 s old where the journal answers."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._task is None and now - self._looked_at >= FRESH_SECONDS:
            self._task = loop.run_in_executor(self._thread, self._look)
            self._looked_at = now
        if (task := self._task) is not None:
            await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
            self._take(task)
        return self._runs

    def _take(self, task: asyncio.Future[tuple[LastRun, ...]]) -> None:
        if not task.done():
            self.is_readable = False
            return
        try:
            self._runs, self.is_readable = task.result(), True
        except ReleveError:
            self.is_readable = False
        if self._task is task:  # another scrape may have come before
            self._task = None
