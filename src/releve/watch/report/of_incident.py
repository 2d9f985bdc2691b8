"""The report of an incident in the store, read in one call."""

from datetime import datetime

from releve.ports.incident_store import IncidentStore
from releve.ports.journal import Journal
from releve.recovery.report.of_run import read_report
from releve.watch.belonging import list_runs_of
from releve.watch.report.build import build_incident_report
from releve.watch.report.types import IncidentReport


def read_incident_report(
    store: IncidentStore, journal: Journal, incident_id: str, *, now: datetime
) -> IncidentReport:
    """PlanError with near ids where there is no such incident."""
    incident = store.read(incident_id)
    records = list_runs_of(incident, journal=journal)
    runs = [read_report(journal, record.input.run_id) for record in records]
    return build_incident_report(incident, store.read_events(incident_id), runs, now=now)
