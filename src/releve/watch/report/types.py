"""What the report of an incident says, before it is put into words: frozen, bounded."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from releve.model.incident import IncidentEventKind, IncidentState
from releve.model.verdict import Cause, HostState, Testimony
from releve.recovery.report.types import Report


class Ending(StrEnum):
    RECOVERED = "recovered"  # over, and a run brought the host back
    BY_ITSELF = "by_itself"  # over without a run
    NOT_OVER = "not_over"  # a run brought it back; its readings have not said so yet
    UNDER_WAY = "under_way"  # a run is not over
    NEEDS_PERSON = "needs_person"
    WAITING = "waiting"  # for a person's yes
    CONFIRMED = "confirmed"  # and nothing is under way
    OPEN = "open"  # seen, not confirmed


@dataclass(frozen=True)
class IncidentFacts:
    incident_id: str
    host: str
    state: IncidentState
    host_state: HostState
    cause: Cause
    reason: str  # server text in it is data
    opened_at: datetime
    confirmed_at: datetime | None
    cleared_at: datetime | None
    next_action: str


@dataclass(frozen=True)
class Line:
    """One event, as long after the first sign as it came."""

    kind: IncidentEventKind
    after_seconds: float
    at: datetime
    text: str  # server text in it is data


@dataclass(frozen=True)
class Detection:
    first_sign: str
    witnesses: tuple[Testimony, ...]
    confirmed_after_seconds: float | None
    reported: tuple[Line, ...]  # suspicions of other monitors


@dataclass(frozen=True)
class ApprovalFacts:
    by: str
    at: datetime
    expires: datetime | None
    fingerprint: str
    used: bool  # a run was started after it


@dataclass(frozen=True)
class Decision:
    """Why a run was started, or was not."""

    lines: tuple[Line, ...]
    held_back: tuple[Line, ...]  # those of `lines` that say why no run was started
    approvals: tuple[ApprovalFacts, ...]


@dataclass(frozen=True)
class ChannelCount:
    channel: str
    sent: int
    failed: int
    last_failure: str


@dataclass(frozen=True)
class Times:
    lasted_seconds: float  # until it was over, or until the report was made
    run_after_seconds: float | None  # until the first run began
    back_after_seconds: float | None  # until the host had passed its checks at its address


@dataclass(frozen=True)
class IncidentReport:
    incident: IncidentFacts
    ending: Ending
    times: Times
    detection: Detection
    decision: Decision
    runs: tuple[Report, ...]  # oldest first, each from its own journal
    notices: tuple[ChannelCount, ...]
    timeline: tuple[Line, ...]
    omitted: int  # events in the middle that are too many to be shown
