"""What an earlier life of this watch left open in the incident store; reads only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from releve.model.incident import Incident, IncidentEvent, IncidentEventKind
from releve.ports.incident_store import IncidentStore
from releve.watch.following import RunFollowed, StartedBy

MOST_OPEN: Final = 10_000
MOST_LATE: Final = 500

_Kind = IncidentEventKind
_DECIDED: Final = frozenset({_Kind.PROPOSED, _Kind.APPROVAL_WANTED, _Kind.HELD_BACK})


@dataclass(frozen=True)
class TakenUp:
    incident: Incident
    was_told: bool  # some channel took a notice of it
    decided: tuple[str, str] | None  # what was told last of its decision: kind and text
    run: RunFollowed | None  # that it still waits for


@dataclass(frozen=True)
class Earlier:
    open: tuple[TakenUp, ...]
    ids: frozenset[str]  # of late incidents, so that none is given again


def read_earlier(store: IncidentStore, hosts: frozenset[str]) -> Earlier:
    """JournalError where it cannot be read."""
    late = store.list_incidents(limit=MOST_LATE)
    ids = frozenset(incident.incident_id for incident in late)
    return Earlier(tuple(_take_up_each(store, hosts)), ids)


def _take_up_each(store: IncidentStore, hosts: frozenset[str]) -> Iterator[TakenUp]:
    for incident in store.list_incidents(only_open=True, limit=MOST_OPEN):
        if incident.host not in hosts:
            continue
        events = store.read_events(incident.incident_id)
        yield TakenUp(
            incident,
            was_told=any(event.kind is _Kind.NOTIFIED for event in events),
            decided=_find_decided(events),
            run=_find_run(incident, events),
        )


def _find_decided(events: Sequence[IncidentEvent]) -> tuple[str, str] | None:
    for event in reversed(events):
        if event.kind is _Kind.RUN_STARTED:
            return None
        if event.kind in _DECIDED:
            return (event.kind.value, event.text)
    return None


def _find_run(incident: Incident, events: Sequence[IncidentEvent]) -> RunFollowed | None:
    """The last one ordered, unless its end was told."""
    if not incident.run_ids:
        return None
    run_id = incident.run_ids[-1]
    of_run = [event for event in events if event.data.get("run_id") == run_id]
    if any(event.kind is _Kind.RUN_ENDED for event in of_run):
        return None
    started = next((event for event in of_run if event.kind is _Kind.RUN_STARTED), None)
    by = StartedBy(started.data.get("by", StartedBy.PERSON)) if started else StartedBy.PERSON
    told = next((event.text for event in reversed(of_run) if event.kind is _Kind.NEEDS_PERSON), "")
    fingerprint = str(started.data.get("fingerprint", "")) if started else ""
    return RunFollowed(run_id, by, fingerprint, told=told)
