"""What follows from a confirmed death: start, ask, propose or hold back; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from releve.model.incident import Approval, Incident, Pause
from releve.model.run import RunState
from releve.model.verdict import Verdict
from releve.plan.types import Automation
from releve.watch.storm_guard import Permission


class Course(StrEnum):
    NOTHING = "nothing"
    PROPOSE = "propose"
    WAIT_FOR_APPROVAL = "wait-for-approval"
    HOLD_BACK = "hold-back"
    START = "start"


@dataclass(frozen=True)
class Decision:
    course: Course
    reason: str  # one sentence
    approval: Approval | None = None  # to be used up by the start


@dataclass(frozen=True)
class Situation:
    incident: Incident
    verdict: Verdict  # of its topic, now
    automation: Automation
    fingerprint: str  # of plan, playbooks and inventory now; empty: they cannot be read
    permission: Permission  # of the storm guard
    pause: Pause | None = None  # one that holds for this host
    approval: Approval | None = None  # unused, perhaps expired
    open_run: str = ""  # a recovery of this host that is not over
    last_run: RunState | None = None  # how this incident's last run ended
    runs_under_way: int = 0  # that this watch started, of any host
    volume: str = ""  # of the plan, that the trouble is on: it moves along as it is


def decide(situation: Situation, *, now: datetime) -> Decision:
    """In this order: is it dead, is somebody at it, may it be, has a person agreed, may we."""
    incident, verdict = situation.incident, situation.verdict
    if incident.state.is_over or not (verdict.is_dead and verdict.confirmed):
        return Decision(Course.NOTHING, "no death is confirmed")
    if situation.open_run:
        return Decision(Course.NOTHING, f"run {situation.open_run} of {incident.host} is not over")
    if situation.pause is not None:
        return Decision(Course.HOLD_BACK, describe_pause(situation.pause))
    if not situation.fingerprint:
        return Decision(Course.HOLD_BACK, "the plan or the playbooks cannot be read now")
    if situation.approval is not None:
        return decide_approved(situation, situation.approval, now=now)
    return decide_by_itself(situation)


def decide_approved(situation: Situation, approval: Approval, *, now: datetime) -> Decision:
    incident = situation.incident
    if approval.expires <= now or approval.at > now + timedelta(minutes=5):
        why = f"the approval of {approval.by} has expired at {approval.expires:%H:%M:%S} UTC"
        return Decision(Course.WAIT_FOR_APPROVAL, why)
    if (approval.incident_id, approval.host) != (incident.incident_id, incident.host):
        return Decision(Course.WAIT_FOR_APPROVAL, "the approval is of another incident")
    if approval.fingerprint != situation.fingerprint:
        why = f"plan, playbooks or inventory changed since {approval.by} approved"
        return Decision(Course.WAIT_FOR_APPROVAL, why)
    if situation.runs_under_way:
        return Decision(Course.HOLD_BACK, "approved; another run that this watch started goes on")
    return Decision(Course.START, f"approved by {approval.by}", approval)


def decide_by_itself(situation: Situation) -> Decision:
    if situation.last_run in {RunState.UNDONE, RunState.CANCELLED, RunState.LEFT}:
        return Decision(
            Course.HOLD_BACK,
            f"its last run ended {situation.last_run.value}, by a person: a person goes on",
        )
    if situation.volume and situation.automation is Automation.AUTO:
        why = f"the trouble is on volume {situation.volume}, which a recovery moves as it is"
        return Decision(Course.HOLD_BACK, why)
    match situation.automation:
        case Automation.PROPOSE:
            return Decision(Course.PROPOSE, "automation is propose: a person starts the run")
        case Automation.APPROVE:
            why = "automation is approve: a person agrees first"
            return Decision(Course.WAIT_FOR_APPROVAL, why)
        case Automation.AUTO:
            permission = situation.permission
            course = Course.START if permission.allowed else Course.HOLD_BACK
            return Decision(course, permission.reason)


def describe_pause(pause: Pause) -> str:
    of = f"of {pause.host}" if pause.host else "of every host"
    until = f" until {pause.until:%Y-%m-%d %H:%M} UTC" if pause.until else ""
    why = f": {pause.reason}" if pause.reason else ""
    return f"a pause {of} by {pause.by} holds{until}{why}"
