"""What follows from a confirmed death."""

from dataclasses import replace
from datetime import timedelta

import pytest

from releve.model.incident import Approval, Incident, IncidentState, Pause
from releve.model.run import RunState
from releve.model.verdict import Cause, HostState, Verdict
from releve.plan.types import Automation
from releve.watch.deciding import Course, Situation, decide
from releve.watch.storm_guard import Permission
from tests.watch.readings import BEGAN

DEAD = Verdict(HostState.CRASHED, Cause.FILESYSTEM_ERROR, "it is", confirmed=True)
INCIDENT = Incident("i-1", "blog", IncidentState.CONFIRMED, DEAD, BEGAN)
CALM = Permission(allowed=True, reason="1 of 3 hosts newly dead")
STORM = Permission(allowed=False, reason="storm: 40 of 100 hosts dead")
AUTO = Situation(INCIDENT, DEAD, Automation.AUTO, "f1", CALM)
APPROVE = replace(AUTO, automation=Automation.APPROVE)
YES = Approval("i-1", "blog", "f1", "ada", BEGAN, BEGAN + timedelta(hours=1))
PAUSE = Pause("blog", "ada", "moving racks", BEGAN, None)
NOW = BEGAN + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("situation", "course", "words"),
    [
        (AUTO, Course.START, "1 of 3 hosts newly dead"),
        (replace(AUTO, permission=STORM), Course.HOLD_BACK, "storm"),
        (replace(AUTO, automation=Automation.PROPOSE), Course.PROPOSE, "a person starts"),
        (APPROVE, Course.WAIT_FOR_APPROVAL, "a person agrees first"),
        (replace(AUTO, verdict=replace(DEAD, confirmed=False)), Course.NOTHING, "confirmed"),
        (
            replace(AUTO, verdict=replace(DEAD, state=HostState.DEGRADED)),
            Course.NOTHING,
            "confirmed",
        ),
        (
            replace(AUTO, incident=replace(INCIDENT, state=IncidentState.CLEARED)),
            Course.NOTHING,
            "confirmed",
        ),
        (replace(AUTO, open_run="abc"), Course.NOTHING, "run abc of blog is not over"),
        (replace(AUTO, pause=PAUSE), Course.HOLD_BACK, "a pause of blog by ada holds: moving"),
        (replace(AUTO, fingerprint=""), Course.HOLD_BACK, "cannot be read"),
        (replace(AUTO, last_run=RunState.UNDONE), Course.HOLD_BACK, "a person goes on"),
        (replace(AUTO, last_run=RunState.CANCELLED), Course.HOLD_BACK, "a person goes on"),
        (replace(AUTO, last_run=RunState.DONE), Course.START, "newly dead"),
        (replace(APPROVE, approval=YES), Course.START, "approved by ada"),
        (
            replace(AUTO, automation=Automation.PROPOSE, approval=YES, permission=STORM),
            Course.START,
            "approved by ada",
        ),
        (replace(APPROVE, approval=YES, pause=PAUSE), Course.HOLD_BACK, "pause"),
        (replace(APPROVE, approval=YES, runs_under_way=1), Course.HOLD_BACK, "another run"),
        (
            replace(APPROVE, approval=replace(YES, fingerprint="f0")),
            Course.WAIT_FOR_APPROVAL,
            "changed since ada approved",
        ),
        (
            replace(APPROVE, approval=replace(YES, expires=NOW)),
            Course.WAIT_FOR_APPROVAL,
            "has expired",
        ),
        (
            replace(APPROVE, approval=replace(YES, incident_id="i-2")),
            Course.WAIT_FOR_APPROVAL,
            "another incident",
        ),
        (
            replace(APPROVE, approval=YES, last_run=RunState.UNDONE),
            Course.START,
            "approved by ada",
        ),
    ],
)
def test_decisions(situation: Situation, course: Course, words: str) -> None:
    decision = decide(situation, now=NOW)
    assert decision.course is course, decision.reason
    assert words in decision.reason
    assert (decision.approval is not None) == (
        course is Course.START and situation.approval is not None
    )


def test_an_approval_from_the_future_is_none() -> None:
    """The clock went back since: it would last longer than anybody agreed to."""
    early = BEGAN - timedelta(hours=2)
    decision = decide(replace(APPROVE, approval=YES), now=early)
    assert decision.course is Course.WAIT_FOR_APPROVAL
