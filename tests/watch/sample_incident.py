"""An incident as the store holds it: seen, held back, approved, recovered, over."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from releve.model.incident import Incident, IncidentEvent, IncidentEventKind, IncidentState
from releve.model.run import RunState
from releve.model.verdict import Cause, HostState, Testimony, Verdict, Witness
from releve.recovery.report.build import build_report
from releve.recovery.report.types import Report
from releve.watch.report.build import build_incident_report
from releve.watch.report.types import IncidentReport
from tests.report.sample_run import (
    BEGAN,
    PHASES,
    RUN_ID,
    events_until,
    halted_at,
    make_record,
    make_tasks,
)

HOST = "blog.example"
SEEN = BEGAN - timedelta(seconds=9.4)  # the run began then
ID = f"i-{SEEN:%Y%m%d-%H%M%S}-{HOST}"
NOW = BEGAN + timedelta(minutes=5)
SIGN = "root / on vda1 cannot be written (EROFS)"
KERNEL = "EXT4-fs error (device vda1): ext4_journal_check_start:83: Detected aborted journal"
VERDICT = Verdict(
    state=HostState.CRASHED,
    cause=Cause.FILESYSTEM_ERROR,
    reason=f"{SIGN}, and the kernel counts 1 ext4 error at ext4_journal_check_start:83",
    confirmed=True,
    testimonies=(
        Testimony(Witness.WRITE, SIGN),
        Testimony(Witness.KERNEL, KERNEL),
        Testimony(Witness.OUTSIDE, "2 of 3 checks fail"),
    ),
    subject="/",
)
Kind = IncidentEventKind


def happened(kind: IncidentEventKind, after: float, text: str, **data: Any) -> IncidentEvent:
    return IncidentEvent(ID, kind, SEEN + timedelta(seconds=after), text, data)


def make_incident(state: IncidentState = IncidentState.CLEARED, **changes: Any) -> Incident:
    is_over = state is IncidentState.CLEARED
    plain = Incident(
        incident_id=ID,
        host=HOST,
        state=state,
        verdict=VERDICT,
        opened_at=SEEN,
        confirmed_at=None if state is IncidentState.OPEN else SEEN + timedelta(seconds=3.2),
        cleared_at=SEEN + timedelta(seconds=130) if is_over else None,
        run_ids=(RUN_ID,) if is_over else (),
        next_action="Nothing more to do" if is_over else f"Approve it: releve approve {ID}",
    )
    return replace(plain, **changes)


def make_events() -> list[IncidentEvent]:
    fingerprint = make_record().input.fingerprint
    expires = (SEEN + timedelta(hours=1)).isoformat()
    return [
        happened(Kind.OPENED, 0, SIGN),
        happened(Kind.CONFIRMED, 3.2, f"confirmed after 3 s by kernel and write: {SIGN}"),
        happened(Kind.REPORTED, 3.3, "alertmanager: HostReadOnly fires"),
        happened(Kind.NOTIFIED, 3.5, "told on-call", channel="on-call"),
        happened(Kind.NOT_NOTIFIED, 3.6, "it did not answer in 10 s", channel="chat"),
        happened(Kind.HELD_BACK, 3.8, "1 of 3 controls reachable, 2 needed"),
        happened(Kind.APPROVAL_WANTED, 4.1, "automation is approve: a person agrees first"),
        happened(
            Kind.APPROVED, 8.0, "anna approved", by="anna", fingerprint=fingerprint, expires=expires
        ),
        happened(Kind.RUN_STARTED, 9.1, "approved by anna", run_id=RUN_ID),
        happened(Kind.RUN_ENDED, 110, "run ended DONE", run_id=RUN_ID),
        happened(Kind.CLEARED, 130, "2 good rounds of the new instance"),
        happened(Kind.NOTIFIED, 130.2, "told on-call", channel="on-call"),
    ]


def make_run(state: RunState = RunState.DONE) -> Report:
    events = events_until()
    if state is RunState.NEEDS_PERSON:
        events = halted_at("verify", "2 checks fail", "Mend them")
    return build_report(make_record(state), events, make_tasks(), phases=PHASES)


def make_report(
    incident: Incident | None = None,
    events: Sequence[IncidentEvent] | None = None,
    runs: Sequence[Report] | None = None,
    *,
    now: datetime = NOW,
) -> IncidentReport:
    """The whole story, where nothing else is given."""
    return build_incident_report(
        incident or make_incident(),
        make_events() if events is None else events,
        [make_run()] if runs is None else runs,
        now=now,
    )
