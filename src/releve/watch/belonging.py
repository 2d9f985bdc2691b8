"""Which incident a run belongs to, and which runs belong to an incident."""

from collections.abc import Iterator

from releve.errors import PlanError, ReleveError
from releve.model.incident import Incident
from releve.model.run import Mode, Output, RunRecord
from releve.ports.incident_store import IncidentStore
from releve.ports.journal import Journal

INCIDENT = "incident"  # key of RunInput.options
DETECTION = "detection"


def name_incident(host: str, incident_id: str, *, store: IncidentStore) -> Output:
    """What a run of this host has among its options; nothing where no incident is open.

    PlanError where the incident that was named is not one of this host.
    """
    incident = _require_incident(host, incident_id, store) if incident_id else _find(host, store)
    if incident is None:
        return {}
    times = {"opened_at": incident.opened_at, "confirmed_at": incident.confirmed_at}
    return {
        INCIDENT: incident.incident_id,
        DETECTION: {name: at.isoformat() if at else None for name, at in times.items()},
    }


def list_runs_of(incident: Incident, *, journal: Journal) -> tuple[RunRecord, ...]:
    """Oldest first: those that the watch started, and those that a person did."""
    return tuple(reversed(list(_choose_runs(incident, journal))))


def _choose_runs(incident: Incident, journal: Journal) -> Iterator[RunRecord]:
    for record in journal.list_runs(host=incident.host):
        named = record.input.options.get(INCIDENT) == incident.incident_id
        if record.input.mode is Mode.RECOVER and (named or record.input.run_id in incident.run_ids):
            yield record


def _require_incident(host: str, incident_id: str, store: IncidentStore) -> Incident:
    incident = store.read(incident_id)
    if incident.host != host:
        raise PlanError(
            f"incident {incident_id} is not of {host}",
            why=f"it is of {incident.host}",
            remedy=f"leave --incident out, or recover {incident.host}",
        )
    return incident


def _find(host: str, store: IncidentStore) -> Incident | None:
    """The newest death that is not over; None too where none can be read: a run comes first."""
    try:
        found = store.list_incidents(host=host, only_open=True)
    except ReleveError:
        return None
    return next((incident for incident in found if incident.verdict.is_dead), None)
