"""What the journal and the incident store hold that bears on a decision; reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from releve.errors import PlanError
from releve.model.incident import Approval, Incident, IncidentEventKind, Pause
from releve.model.run import RunRecord, RunState
from releve.ports.incident_store import IncidentStore
from releve.ports.journal import Journal
from releve.recovery.recover import find_open_recovery
from releve.watch.following import StartedBy

DAY: Final = timedelta(hours=24)
INCIDENTS_LOOKED_AT: Final = 50  # of one host, newest first


@dataclass(frozen=True)
class Facts:
    pause: Pause | None
    approval: Approval | None
    open_run: str
    last_run: RunState | None
    runs_lately: int


def gather_facts(
    incident: Incident, *, incidents: IncidentStore, journal: Journal, now: datetime
) -> Facts:
    """JournalError where they cannot be read."""
    host = incident.host
    record = read_last_run(incident, journal)
    return Facts(
        pause=find_pause(incidents.list_pauses(now=now), host),
        approval=incidents.find_approval(incident.incident_id),
        open_run=find_open_recovery(host, journal=journal),
        last_run=record.state if record is not None else None,
        runs_lately=count_automatic_runs(host, incidents=incidents, since=now - DAY),
    )


def find_pause(pauses: tuple[Pause, ...], host: str) -> Pause | None:
    return next((pause for pause in pauses if pause.host in {"", host}), None)


def read_last_run(incident: Incident, journal: Journal) -> RunRecord | None:
    return read_run(incident.run_ids[-1], journal) if incident.run_ids else None


def read_run(run_id: str, journal: Journal) -> RunRecord | None:
    """None: it was ordered, and has not begun."""
    try:
        return journal.read_run(run_id)
    except PlanError:
        return None


def count_automatic_runs(host: str, *, incidents: IncidentStore, since: datetime) -> int:
    """From what is durable, so that a restart forgives nothing."""
    return sum(
        event.kind is IncidentEventKind.RUN_STARTED
        and event.at > since
        and event.data.get("by") == StartedBy.AUTO.value
        and event.data.get("run_id") in incident.run_ids
        for incident in incidents.list_incidents(host=host, limit=INCIDENTS_LOOKED_AT)
        if incident.run_ids
        for event in incidents.read_events(incident.incident_id)
    )
