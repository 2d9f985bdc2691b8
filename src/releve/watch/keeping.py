"""Incidents on their way to the store: in order, none lost, however slow or full the store is."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from releve.errors import JournalError
from releve.model.incident import Incident, IncidentEvent
from releve.ports.incident_store import IncidentStore

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0

Say = Callable[[str, dict[str, Any]], None]


class Keeper:
    """One write at a time; what changes meanwhile is written together, the newest state once."""

    def __init__(self, store: IncidentStore, *, pool: ThreadPoolExecutor, say: Say) -> None:
        self._store = store
        self._pool = pool
        self._say = say
        self._incidents: OrderedDict[str, Incident | None] = OrderedDict()  # not yet written
        self._events: dict[str, list[IncidentEvent]] = {}
        self._changed = asyncio.Event()
        self._written = asyncio.Condition()
        self.is_failing = False

    @property
    def unsaved(self) -> int:
        return len(self._incidents)

    def keep(self, incident: Incident, *events: IncidentEvent) -> None:
        self._incidents[incident.incident_id] = incident
        self._events.setdefault(incident.incident_id, []).extend(events)
        self._changed.set()

    def record(self, event: IncidentEvent) -> None:
        """An event alone: the incident may have changed since it was meant."""
        self._incidents.setdefault(event.incident_id, None)
        self._events.setdefault(event.incident_id, []).append(event)
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled; a write that fails is tried again, later and later."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            await self._changed.wait()
            if await self._write_next():
                pause = FIRST_PAUSE_SECONDS
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def settle(self, incident_id: str, *, within_seconds: float) -> bool:
        """Whether all that was kept of this incident is durable now."""
        try:
            async with asyncio.timeout(within_seconds), self._written:
                await self._written.wait_for(lambda: incident_id not in self._incidents)
        except TimeoutError:
            return False
        return True

    async def flush(self, *, within_seconds: float) -> bool:
        """At the end: everything, or as much as goes in this time."""
        try:
            async with asyncio.timeout(within_seconds):
                while self._incidents:
                    if not await self._write_next():
                        await asyncio.sleep(FIRST_PAUSE_SECONDS)
        except TimeoutError:
            return False
        return True

    async def _write_next(self) -> bool:
        """False where the store did not take it: it stays first in line."""
        if not self._incidents:
            self._changed.clear()
            return True
        incident_id, incident = next(iter(self._incidents.items()))
        events = tuple(self._events.get(incident_id, ()))
        loop = asyncio.get_running_loop()
        try:
            if incident is None:
                await loop.run_in_executor(self._pool, self._store.record, *events)
            else:
                await loop.run_in_executor(self._pool, self._store.save, incident, *events)
        except JournalError as error:
            if not self.is_failing:
                self._say("incident_not_kept", {"incident": incident_id, "why": str(error)})
            self.is_failing = True
            return False
        self.is_failing = False
        await self._forget(incident_id, incident, events=events)
        return True

    async def _forget(
        self, incident_id: str, incident: Incident | None, *, events: tuple[IncidentEvent, ...]
    ) -> None:
        """All that was written; what came meanwhile stays."""
        async with self._written:
            rest = self._events.pop(incident_id, [])[len(events) :]
            if rest or self._incidents[incident_id] is not incident:
                self._events[incident_id] = rest
            else:
                del self._incidents[incident_id]
            self._written.notify_all()
