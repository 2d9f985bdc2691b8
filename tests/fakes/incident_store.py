"""Incidents in memory; two who open the same one see the same."""

import difflib
import threading
from datetime import datetime

from releve.errors import PlanError
from releve.model.incident import Approval, Incident, IncidentEvent, Pause
from releve.ports.incident_store import IncidentStore


class FakeIncidentStore(IncidentStore):
    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._incidents: dict[str, Incident] = {}
        self._events: list[IncidentEvent] = []
        self._approvals: dict[str, Approval] = {}
        self._pauses: dict[str, Pause] = {}

    def save(self, incident: Incident, *events: IncidentEvent) -> None:
        with self._guard:
            self._incidents[incident.incident_id] = incident
        self.record(*events)

    def record(self, *events: IncidentEvent) -> None:
        with self._guard:
            for event in events:
                if event not in self._events:
                    self._events.append(event)

    def read(self, incident_id: str) -> Incident:
        if incident_id in self._incidents:
            return self._incidents[incident_id]
        near = difflib.get_close_matches(incident_id[:100], self._incidents, n=3)
        raise PlanError(
            f"there is no incident {incident_id[:100]!r}",
            why=f"near: {', '.join(near)}" if near else "",
            remedy="List the incidents with `releve incidents`",
        )

    def read_events(self, incident_id: str) -> tuple[IncidentEvent, ...]:
        found = [event for event in self._events if event.incident_id == incident_id]
        return tuple(sorted(found, key=lambda event: event.at))

    def list_incidents(
        self, *, host: str = "", only_open: bool = False, limit: int = 100
    ) -> tuple[Incident, ...]:
        found = [
            incident
            for incident in self._incidents.values()
            if incident.host == (host or incident.host)
            and not (only_open and incident.state.is_over)
        ]
        found.sort(key=lambda incident: (incident.opened_at, incident.incident_id), reverse=True)
        return tuple(found[:limit])

    def approve(self, approval: Approval) -> None:
        with self._guard:
            self._approvals[approval.incident_id] = approval

    def find_approval(self, incident_id: str) -> Approval | None:
        return self._approvals.get(incident_id)

    def use_approval(self, approval: Approval) -> bool:
        with self._guard:
            if self._approvals.get(approval.incident_id) != approval:
                return False
            del self._approvals[approval.incident_id]
            return True

    def pause(self, pause: Pause) -> None:
        with self._guard:
            self._pauses[pause.host] = pause

    def end_pause(self, host: str) -> bool:
        with self._guard:
            return self._pauses.pop(host, None) is not None

    def list_pauses(self, *, now: datetime) -> tuple[Pause, ...]:
        holding = [
            pause for pause in self._pauses.values() if pause.until is None or pause.until > now
        ]
        return tuple(sorted(holding, key=lambda pause: pause.host))
