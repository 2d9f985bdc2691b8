"""Incidents, approvals and pauses from and to their rows; the store seals the bytes."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from releve.adapters.store.rows import json_of, storable, time_to_text
from releve.model.incident import (
    Approval,
    Incident,
    IncidentEvent,
    IncidentEventKind,
    IncidentState,
    Pause,
)
from releve.model.verdict import Cause, HostState, Testimony, Verdict, Witness

_MOST_TESTIMONIES: Final = 50


def incident_to_bytes(incident: Incident) -> bytes:
    return _to_bytes(
        {
            "verdict": _verdict_to(incident.verdict),
            "confirmed_at": _write_time(incident.confirmed_at),
            "cleared_at": _write_time(incident.cleared_at),
            "run_ids": incident.run_ids,
            "next_action": storable(incident.next_action),
        }
    )


def incident_from(row: sa.RowMapping, body: bytes) -> Incident:
    fields = json.loads(body)
    return Incident(
        incident_id=row["incident_id"],
        host=row["host"],
        state=IncidentState(row["state"]),
        verdict=_verdict_from(fields["verdict"]),
        opened_at=datetime.fromisoformat(row["opened_at"]),
        confirmed_at=_read_time(fields["confirmed_at"]),
        cleared_at=_read_time(fields["cleared_at"]),
        run_ids=tuple(fields["run_ids"]),
        next_action=fields["next_action"],
    )


def event_to_bytes(event: IncidentEvent) -> bytes:
    return _to_bytes({"text": storable(event.text), "data": json.loads(json_of(event.data))})


def event_name(event: IncidentEvent) -> tuple[bytes, ...]:
    """The same for an event that is written again."""
    when, kind = time_to_text(event.at), event.kind.value
    return (event.incident_id.encode(), kind.encode(), when.encode(), event_to_bytes(event))


def event_from(row: sa.RowMapping, body: bytes) -> IncidentEvent:
    return IncidentEvent(
        incident_id=row["incident_id"],
        kind=IncidentEventKind(row["kind"]),
        at=datetime.fromisoformat(row["at"]),
        **json.loads(body),
    )


def values_of_approval(approval: Approval) -> dict[str, Any]:
    times = {"at": time_to_text(approval.at), "expires": time_to_text(approval.expires)}
    return {**asdict(approval), "by": storable(approval.by), **times}


def approval_from(row: sa.RowMapping) -> Approval:
    return Approval(
        incident_id=row["incident_id"],
        host=row["host"],
        fingerprint=row["fingerprint"],
        by=row["by"],
        at=datetime.fromisoformat(row["at"]),
        expires=datetime.fromisoformat(row["expires"]),
    )


def values_of_pause(pause: Pause) -> dict[str, Any]:
    return {
        "host": pause.host,
        "by": storable(pause.by),
        "reason": storable(pause.reason),
        "at": time_to_text(pause.at),
        "until": _write_time(pause.until),
    }


def pause_from(row: sa.RowMapping) -> Pause:
    return Pause(
        host=row["host"],
        by=row["by"],
        reason=row["reason"],
        at=datetime.fromisoformat(row["at"]),
        until=_read_time(row["until"]),
    )


def _verdict_to(verdict: Verdict) -> dict[str, Any]:
    return {
        **asdict(verdict),
        "reason": storable(verdict.reason),
        "testimonies": [
            [testimony.witness.value, storable(testimony.text)]
            for testimony in verdict.testimonies[:_MOST_TESTIMONIES]
        ],
    }


def _verdict_from(fields: dict[str, Any]) -> Verdict:
    said = [(Witness(witness), text) for witness, text in fields["testimonies"]]
    enums = {"state": HostState(fields["state"]), "cause": Cause(fields["cause"])}
    return Verdict(
        **{**fields, **enums, "testimonies": tuple(Testimony(*testimony) for testimony in said)}
    )


def _write_time(moment: datetime | None) -> str | None:
    return time_to_text(moment) if moment else None


def _read_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _to_bytes(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
