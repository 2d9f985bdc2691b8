"""An incident: one thing that is wrong with one host, from the first sign until it is over."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from releve.model.verdict import Verdict


class IncidentState(StrEnum):
    OPEN = "open"  # seen, not yet confirmed
    CONFIRMED = "confirmed"
    CLEARED = "cleared"  # over, by itself or by a run

    @property
    def is_over(self) -> bool:
        return self is IncidentState.CLEARED


class IncidentEventKind(StrEnum):
    OPENED = "opened"
    CONFIRMED = "confirmed"
    CHANGED = "changed"  # another cause or state than before
    HELD_BACK = "held-back"  # no run started, and why: storm guard, pause, limits, automation
    PROPOSED = "proposed"
    APPROVAL_WANTED = "approval-wanted"
    APPROVED = "approved"
    RUN_STARTED = "run-started"
    RUN_ENDED = "run-ended"
    NEEDS_PERSON = "needs-person"
    REPORTED = "reported"  # a suspicion of another monitor
    CLEARED = "cleared"
    NOTIFIED = "notified"
    NOT_NOTIFIED = "not-notified"  # a channel failed


@dataclass(frozen=True)
class IncidentEvent:
    incident_id: str
    kind: IncidentEventKind
    at: datetime  # UTC
    text: str  # one sentence for a person; server text in it is data
    data: dict[str, Any] = field(default_factory=dict)  # such as run_id, channel


@dataclass(frozen=True)
class Incident:
    incident_id: str  # short: i-20261126-031500-blog
    host: str
    state: IncidentState
    verdict: Verdict  # the gravest so far
    opened_at: datetime
    confirmed_at: datetime | None = None
    cleared_at: datetime | None = None
    run_ids: tuple[str, ...] = ()
    next_action: str = ""  # one sentence, with the command where there is one


@dataclass(frozen=True)
class Approval:
    """A person's yes to one recovery; used once."""

    incident_id: str
    host: str
    fingerprint: str  # over plan, playbook commit and inventory, as RunInput.fingerprint
    by: str  # the login name of the person
    at: datetime
    expires: datetime


@dataclass(frozen=True)
class Pause:
    """No run starts by itself; readings and notices go on."""

    host: str  # empty: every host
    by: str
    reason: str
    at: datetime
    until: datetime | None  # None: until a person ends it
