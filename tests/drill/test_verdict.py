"""Would a recovery succeed? What speaks for it, what against it, and what leaves it open."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from releve.drill.verdict import (
    Readiness,
    Trace,
    Verdict,
    judge,
    judge_later,
    measure_phases,
    read_trace,
)
from releve.model.run import EventKind, JournalEvent
from releve.plan.types import HostPlan

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
PASSED = {"name": "unit nginx.service", "passed": True, "reason": "it is active"}
FAILED = {"name": "http /", "passed": False, "reason": "status 500 \x1b[31m"}
GREEN: dict[str, Any] = {
    "converge": {"succeeded": True},
    "verify": {"checks": [PASSED]},
    "idempotence": {"succeeded": True, "changed": 0, "tasks": []},
    "capture_image": {"image_id": "1", "name": "web-1"},
}


def plan(**fields: Any) -> HostPlan:
    return HostPlan.model_validate(
        {
            "instance": "web",
            "image": "base",
            "address": "198.51.100.10",
            "volumes": {"data": {"id": "pool/data", "mount": "/srv/data"}},
            "converge": {"playbook": "site.yml"},
            "checks": [{"tcp": 22}],
            **fields,
        }
    )


def speak(outputs: dict[str, Any], *, host: HostPlan | None = None, **trace: Any) -> Verdict:
    return judge(Trace({**GREEN, **outputs}, {}, **trace), host or plan(), commit="a" * 40)


def test_all_green_is_ready_and_names_its_image() -> None:
    verdict = speak({})
    assert verdict.readiness is Readiness.READY
    assert verdict.image == "web-1"
    assert verdict.notes == ()


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        (
            {
                "converge": {
                    "succeeded": False,
                    "reason": "1 host failed",
                    "failed_task": {"task": "Copy\n", "location": "roles/a.yml:3", "message": "no"},
                }
            },
            "the playbook failed at task 'Copy\\x0a' (roles/a.yml:3): no",
        ),
        (
            {"converge": {"succeeded": False, "reason": "unreachable", "failed_task": None}},
            "the playbook failed: unreachable",
        ),
        (
            {
                "idempotence": {
                    "succeeded": True,
                    "changed": 1,
                    "tasks": [{"task": "Always", "location": "site.yml:9"}],
                }
            },
            "the second converge changed 1 task(s) again: 'Always' (site.yml:9)",
        ),
        (
            {"idempotence": {"succeeded": False, "changed": 0, "reason": "lost", "tasks": []}},
            "the second converge failed: lost",
        ),
    ],
)
def test_what_speaks_against_a_recovery(outputs: dict[str, Any], reason: str) -> None:
    verdict = speak(outputs)
    assert verdict.readiness is Readiness.NOT_READY
    assert verdict.reasons == (reason,)


def test_a_failing_check_with_clones_speaks_against_it_and_cannot_act_on_a_terminal() -> None:
    host = plan(drill={"volumes": "clone"})
    verdict = speak({"verify": {"checks": [PASSED, FAILED]}}, host=host)
    assert verdict.readiness is Readiness.NOT_READY
    assert verdict.reasons == ("check http / fails on the twin: status 500 \\x1b[31m",)


def test_a_failing_check_without_any_volume_speaks_against_it() -> None:
    verdict = speak({"verify": {"checks": [FAILED]}}, host=plan(volumes={}))
    assert verdict.readiness is Readiness.NOT_READY


def test_a_failing_check_with_empty_volumes_is_a_note() -> None:
    verdict = speak({"verify": {"checks": [PASSED, FAILED]}})
    assert verdict.readiness is Readiness.READY
    assert "may want their data" in verdict.notes[0]


@pytest.mark.parametrize(
    ("trace", "words"),
    [({"halted": "create_instance: no quota"}, "no quota"), ({"cancelled": True}, "broken off")],
)
def test_what_leaves_it_open(trace: dict[str, Any], words: str) -> None:
    verdict = speak({}, **trace)
    assert verdict.readiness is Readiness.UNKNOWN
    assert words in verdict.reasons[0]


def test_a_fault_counts_even_where_the_drill_was_broken_off_later() -> None:
    converge = {"succeeded": False, "reason": "no", "failed_task": None}
    verdict = speak({"converge": converge}, cancelled=True)
    assert verdict.readiness is Readiness.NOT_READY


@pytest.mark.parametrize(
    ("commit", "word"), [("", "not under git"), ("a+", "differ from the commit")]
)
def test_what_was_drilled_must_be_nameable(commit: str, word: str) -> None:
    verdict = judge(Trace(GREEN, {}), plan(), commit=commit)
    assert word in verdict.notes[0]


def test_phases_are_held_against_their_objectives() -> None:
    seconds = {
        "create_instance": (0.0, 2.0),
        "await_instance": (2.0, 5.0),
        "scan_base": (5.0, 9.0),
        "converge": (9.0, 109.0),
    }
    host = plan(objectives={"converge": "90s", "create": "5s", "total": "100s"})
    verdict = judge(Trace(GREEN, seconds), host, commit="a" * 40)
    assert verdict.seconds == {"create": 5.0, "converge": 100.0}
    assert verdict.readiness is Readiness.READY
    assert verdict.notes == (
        "converge took 100 s, the objective is 90s",
        "these phases took 105 s, the objective is 100s in all",
    )


def test_steps_side_by_side_count_once() -> None:
    spans = {"attach_volumes": (0.0, 4.0), "mount_volumes": (3.0, 6.0)}
    assert measure_phases(Trace({}, spans)) == {"move": 6.0}


def event(step: str, kind: EventKind, at: float, **data: Any) -> JournalEvent:
    return JournalEvent("r1", step, kind, START + timedelta(seconds=at), "text", data=data)


def test_a_step_that_halted_and_was_done_later_is_no_halt() -> None:
    events = [
        event("create_instance", EventKind.INTENT, 0),
        event("create_instance", EventKind.HALTED, 2),
        event("create_instance", EventKind.DONE, 5, output={"a": 1}, seconds=3.0),
    ]
    trace = read_trace(events, cancelled=False)
    assert trace.halted == ""
    assert trace.outputs == {"create_instance": {"a": 1}}
    assert trace.seconds == {"create_instance": (2.0, 5.0)}
    assert read_trace(events[:2], cancelled=False).halted == "create_instance: text"


@pytest.mark.parametrize(
    ("age", "is_unchanged", "expected"),
    [
        (timedelta(days=1), True, Readiness.READY),
        (timedelta(days=1), False, Readiness.UNKNOWN),
        (timedelta(days=40), True, Readiness.UNKNOWN),
    ],
)
def test_an_old_verdict_holds_only_while_nothing_changed(
    age: timedelta, *, is_unchanged: bool, expected: Readiness
) -> None:
    now = START + age
    later = judge_later(speak({}), drilled_at=START, now=now, is_unchanged=is_unchanged)
    assert later.readiness is expected


def test_age_mends_nothing() -> None:
    against = replace(speak({}), readiness=Readiness.NOT_READY)
    now = START + timedelta(days=90)
    assert judge_later(against, drilled_at=START, now=now, is_unchanged=False) == against
