"""How an incident begins, changes and ends; pure."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from releve.model.incident import Incident, IncidentEvent, IncidentEventKind, IncidentState
from releve.model.verdict import Cause, Verdict

Change = tuple[Incident, tuple[IncidentEvent, ...]]

WHAT_TO_DO: Final = {
    Cause.DISK_FULL: "Free space on {host}",
    Cause.DISK_FILLING: "Find what fills the disk of {host}",
    Cause.PAST_ERRORS: "Have {host}'s file system checked at its next start, and recover it in"
    " time with `releve recover {host}`",
    Cause.DISK_FAILING: "Recover {host} before its disk fails: `releve recover {host}"
    " --even-if-healthy`",
    Cause.FAILED_UNIT: "See `systemctl --failed` on {host}",
    Cause.FAILED_CHECK: "See why the check fails on {host}",
    Cause.CERTIFICATE: "Renew the certificate on {host}",
    Cause.CLOCK: "See what sets the clock of {host}",
    Cause.NO_LOGIN: "See why {host} lets the probe in no more",
    Cause.OTHER_HOST: "Find out who answers at the address of {host}",
}


def open_incident(
    host: str, verdict: Verdict, *, now: datetime, taken: Collection[str] = ()
) -> Change:
    incident = Incident(
        incident_id=name_incident(host, verdict, now=now, taken=taken),
        host=host,
        state=IncidentState.OPEN,
        verdict=verdict,
        opened_at=now,
        next_action=say_what_to_do(host, verdict),
    )
    opened = event(
        incident, IncidentEventKind.OPENED, at=now, text=verdict.reason, **describe(verdict)
    )
    if not verdict.confirmed:
        return incident, (opened,)
    confirmed, more = follow_incident(incident, verdict, now=now)
    return confirmed, (opened, *more)


def follow_incident(incident: Incident, verdict: Verdict, *, now: datetime) -> Change:
    """The same incident where nothing of note changed; numbers in the reason are none."""
    events: list[IncidentEvent] = []
    if is_other(incident.verdict, verdict):
        text = verdict.reason
        events.append(
            event(incident, IncidentEventKind.CHANGED, at=now, text=text, **describe(verdict))
        )
        incident = replace(
            incident, verdict=verdict, next_action=say_what_to_do(incident.host, verdict)
        )
    if verdict.confirmed and incident.state is IncidentState.OPEN:
        text = say_confirmed(verdict, seconds=(now - incident.opened_at).total_seconds())
        events.append(
            event(incident, IncidentEventKind.CONFIRMED, at=now, text=text, **describe(verdict))
        )
        incident = replace(
            incident, state=IncidentState.CONFIRMED, verdict=verdict, confirmed_at=now
        )
    return incident, tuple(events)


def clear_incident(incident: Incident, *, now: datetime, reason: str) -> Change:
    cleared = replace(
        incident, state=IncidentState.CLEARED, cleared_at=now, next_action="Nothing more to do"
    )
    return cleared, (event(incident, IncidentEventKind.CLEARED, at=now, text=reason),)


def is_other(known: Verdict, verdict: Verdict) -> bool:
    """Another thing is wrong; a confirmed word is not taken back by an unconfirmed one."""
    if known.confirmed and not verdict.confirmed:
        return False
    return (known.state, known.cause, known.subject) != (
        verdict.state,
        verdict.cause,
        verdict.subject,
    )


def name_incident(
    host: str, verdict: Verdict, *, now: datetime, taken: Collection[str] = ()
) -> str:
    """i-20261126-031500-blog; with the cause where the host serves, so that two may begin at once.

    A clock that goes back makes no id twice.
    """
    suffix = "" if verdict.is_dead else f"-{verdict.cause.value}"
    base = f"i-{now:%Y%m%d-%H%M%S}-{host}{suffix}"
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def say_what_to_do(host: str, verdict: Verdict) -> str:
    if verdict.is_dead:
        return f"Look at {host}; recover it with `releve recover {host}`"
    return WHAT_TO_DO.get(verdict.cause, "Look at {host}").format(host=host)


def say_confirmed(verdict: Verdict, *, seconds: float) -> str:
    if not verdict.is_dead:
        return f"it lasts: {verdict.reason}"
    witnesses = sorted({testimony.witness.value for testimony in verdict.testimonies})
    return f"confirmed after {seconds:.0f} s by {' and '.join(witnesses)}: {verdict.reason}"


def describe(verdict: Verdict) -> dict[str, Any]:
    return {
        "state": verdict.state.value,
        "cause": verdict.cause.value,
        "subject": verdict.subject,
        "testimonies": [[item.witness.value, item.text] for item in verdict.testimonies],
    }


def event(
    incident: Incident, kind: IncidentEventKind, *, at: datetime, text: str, **data: Any
) -> IncidentEvent:
    return IncidentEvent(incident.incident_id, kind, at, text, data)
