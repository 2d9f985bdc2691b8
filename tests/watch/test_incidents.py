"""How incidents begin, change and end."""

from dataclasses import replace
from datetime import timedelta

from releve.model.incident import IncidentEventKind, IncidentState
from releve.model.verdict import Cause, HostState, Testimony, Verdict, Witness
from releve.watch.incidents import clear_incident, follow_incident, name_incident, open_incident
from tests.watch.readings import BEGAN

TESTIMONIES = (Testimony(Witness.WRITE, "EROFS"), Testimony(Witness.KERNEL, "1 error"))
SUSPECTED = Verdict(
    HostState.CRASHED,
    Cause.FILESYSTEM_ERROR,
    "root / cannot be written",
    confirmed=False,
    testimonies=TESTIMONIES,
    subject="/",
)
CONFIRMED = replace(SUSPECTED, confirmed=True)
UNIT = Verdict(HostState.DEGRADED, Cause.FAILED_UNIT, "a failed", confirmed=False, subject="a")
LATER = BEGAN + timedelta(seconds=4)


def test_from_suspicion_to_confirmation_to_the_end() -> None:
    incident, events = open_incident("blog", SUSPECTED, now=BEGAN)
    assert incident.incident_id == "i-20261126-031500-blog"
    assert [event.kind for event in events] == [IncidentEventKind.OPENED]
    same, nothing = follow_incident(incident, SUSPECTED, now=LATER)
    assert (same, nothing) == (incident, ())
    incident, events = follow_incident(incident, CONFIRMED, now=LATER)
    assert [event.kind for event in events] == [IncidentEventKind.CONFIRMED]
    assert events[0].text.startswith("confirmed after 4 s by kernel and write: root /")
    assert (incident.state, incident.confirmed_at) == (IncidentState.CONFIRMED, LATER)
    assert "`releve recover blog`" in incident.next_action
    cleared, events = clear_incident(incident, now=LATER, reason="two good rounds")
    assert (cleared.state, cleared.cleared_at) == (IncidentState.CLEARED, LATER)
    assert [event.kind for event in events] == [IncidentEventKind.CLEARED]


def test_confirmed_at_once_tells_both() -> None:
    _, events = open_incident("blog", CONFIRMED, now=BEGAN)
    assert [event.kind for event in events] == [
        IncidentEventKind.OPENED,
        IncidentEventKind.CONFIRMED,
    ]


def test_numbers_in_a_reason_are_no_change_and_another_cause_is() -> None:
    incident, _ = open_incident("blog", CONFIRMED, now=BEGAN)
    assert follow_incident(incident, replace(CONFIRMED, reason="2 errors"), now=LATER)[1] == ()
    gone = replace(CONFIRMED, state=HostState.UNREACHABLE, cause=Cause.NO_ANSWER, subject="")
    assert follow_incident(incident, replace(gone, confirmed=False), now=LATER)[1] == ()
    changed, events = follow_incident(incident, gone, now=LATER)
    assert [event.kind for event in events] == [IncidentEventKind.CHANGED]
    assert changed.verdict.cause is Cause.NO_ANSWER
    assert changed.opened_at == BEGAN


def test_two_that_begin_at_once_and_a_clock_that_goes_back_make_no_id_twice() -> None:
    ids = {
        name_incident("blog", CONFIRMED, now=BEGAN),
        name_incident("blog", UNIT, now=BEGAN),
    }
    ids.add(name_incident("blog", CONFIRMED, now=BEGAN, taken=ids))
    assert ids == {
        "i-20261126-031500-blog",
        "i-20261126-031500-blog-failed-unit",
        "i-20261126-031500-blog-2",
    }
