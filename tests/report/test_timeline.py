"""When each step ran, and when nothing did."""

from dataclasses import replace
from datetime import timedelta

import pytest

from releve.model.run import EventKind, JournalEvent, RunState
from releve.recovery.report.build import build_report
from releve.recovery.report.types import StepState
from tests.report.sample_run import (
    BEGAN,
    PHASES,
    event,
    events_until,
    halted_at,
    make_record,
    make_tasks,
)


def shifted(events: list[JournalEvent], *, after: str, by: float) -> list[JournalEvent]:
    """The events, with everything once `after` was done moved by some seconds."""
    index = max(i for i, item in enumerate(events) if item.step == after) + 1
    later = [replace(item, at=item.at + timedelta(seconds=by)) for item in events[index:]]
    return [*events[:index], *later]


def test_no_interruption_is_seen_where_there_was_none() -> None:
    assert (
        build_report(
            make_record(), events_until(), make_tasks(), phases=PHASES
        ).timing.interruptions
        == ()
    )


def test_kill_between_two_steps_is_an_interruption() -> None:
    events = shifted(events_until(), after="verify", by=600)
    record = make_record(ended_after=694.1)
    (hole,) = build_report(record, events, (), phases=PHASES).timing.interruptions
    assert hole.at_seconds == pytest.approx(91.5)
    assert hole.seconds == pytest.approx(600.1, abs=0.2)


def test_kill_within_a_step_is_an_interruption() -> None:
    """The journal then has the intent of one life, and the end of another."""
    events = [
        item
        if item.step != "converge" or item.kind is not EventKind.DONE
        else replace(item, at=item.at + timedelta(seconds=300))
        for item in events_until("converge")
    ]
    tasks = [
        replace(make_tasks()[0], started_at=(BEGAN + timedelta(seconds=40)).isoformat(), seconds=5)
    ]
    record = make_record(RunState.PENDING, ended_after=None)
    (hole,) = build_report(record, events, tasks, phases=PHASES).timing.interruptions
    assert hole.at_seconds == pytest.approx(45), "the last task ended then"
    assert hole.at_seconds + hole.seconds == pytest.approx(317.7)
    (silent,) = build_report(record, events, (), phases=PHASES).timing.interruptions
    assert silent.at_seconds == pytest.approx(17.7)


def test_waiting_for_a_person_is_no_own_share() -> None:
    halted = halted_at("verify", "2 checks fail", "Mend them")
    events = [
        *halted,
        event("", EventKind.STATE, 92, "verify: 2 checks fail", state="NEEDS_PERSON"),
        event("", EventKind.STATE, 3600, "under way", state="PENDING"),
        event("verify", EventKind.DONE, 3603, seconds=2.0, output={"checks": []}),
    ]
    report = build_report(
        make_record(RunState.PENDING, ended_after=None), events, (), phases=PHASES
    )
    (hole,) = report.timing.interruptions
    assert hole.seconds == pytest.approx(3509.5, abs=1)
    assert report.timing.own_seconds < 10


def test_step_under_way_lasts_until_the_last_event() -> None:
    events = [*events_until("mark"), event("fence", EventKind.INTENT, 2)]
    report = build_report(
        make_record(RunState.PENDING, ended_after=None),
        [*events, event("create_instance", EventKind.LOOKED, 9, "building")],
        (),
        phases=PHASES,
    )
    fence = next(
        bar for phase in report.timing.phases for bar in phase.steps if bar.name == "fence"
    )
    assert (fence.state, fence.start_seconds, fence.seconds) == (StepState.RUNNING, 2.0, 7.0)
