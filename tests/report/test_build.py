"""What a report says of a run, for every way in which a run can stand."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.model.run import EventKind, Phase, RunState
from releve.recovery.catalogue import RECOVER
from releve.recovery.report.as_html import render_html
from releve.recovery.report.as_json import render_json
from releve.recovery.report.as_markdown import render_markdown
from releve.recovery.report.build import build_report
from releve.recovery.report.of_run import PHASES as REAL_PHASES
from releve.recovery.report.types import Act, Outcome, Report
from tests.report.sample_run import (
    NAMES,
    NEW_NAME,
    PHASES,
    RUN_ID,
    event,
    events_until,
    halted_at,
    make_input,
    make_record,
    make_tasks,
)


def build_whole() -> Report:
    return build_report(make_record(), events_until(), make_tasks(), phases=PHASES)


def render_all(report: Report) -> None:
    json.loads(render_json(report))
    for language in ("en", "fr"):
        assert render_html(report, language).endswith("</html>")
        assert render_markdown(report, language).startswith("# ")


def test_sample_has_the_real_steps_with_their_real_phases() -> None:
    assert set(NAMES) == {step.name for step in RECOVER}
    assert {name: REAL_PHASES[name] for name in NAMES} == {name: PHASES[name] for name in NAMES}


def test_whole_run_is_told_whole() -> None:
    report = build_whole()
    assert report.outcome is Outcome.RECOVERED
    assert report.timing.back_after_seconds == pytest.approx(93.7)
    assert report.timing.seconds == pytest.approx(94.1)
    assert report.timing.objective is not None
    assert report.timing.objective.met is True
    assert report.moves.old_instance is not None
    assert report.moves.new_instance is not None
    assert (report.moves.old_instance.name, report.moves.new_instance.name) == ("blog-1", NEW_NAME)
    assert [(volume.name, volume.moved) for volume in report.moves.volumes] == [
        ("data", True),
        ("backup", True),
    ]
    assert report.moves.address is not None
    assert report.moves.address.moved
    assert [len(report.moves.snapshots), report.moves.snapshots_skipped] == [2, ""]
    assert report.moves.quarantine is not None
    assert report.moves.quarantine.instance.name == "blog-1"
    assert report.halt is None
    assert Act.INSPECT_QUARANTINE in report.acts


def test_phases_are_held_against_their_objectives() -> None:
    met = {bar.phase: bar.objective and bar.objective.met for bar in build_whole().timing.phases}
    assert met[Phase.CONVERGE] is True
    assert met[Phase.CUTOVER] is False
    assert met[Phase.FENCE] is None
    assert Act.MISSED_OBJECTIVE in build_whole().acts


def test_own_share_is_what_provider_playbooks_and_checks_leave() -> None:
    assert 0 < build_whole().timing.own_seconds < 1.5


def test_checks_are_paired_by_name_and_order() -> None:
    lines = {line.name: line for line in build_whole().checks}
    post = lines["http /posts/1"]
    assert post.before is not None
    assert post.inside is not None
    assert post.outside is not None
    assert (post.before.passed, post.inside.passed, post.outside.passed) == (False, True, True)
    assert lines["unit mariadb.service"].before is None


def test_checks_of_one_name_stay_apart() -> None:
    twice = [{"name": "http /", "passed": True}, {"name": "http /", "passed": False}]
    events = [
        event("verify", EventKind.DONE, 2, seconds=1.0, output={"checks": twice}),
        event("verify_outside", EventKind.DONE, 3, seconds=1.0, output={"checks": twice[::-1]}),
    ]
    lines = build_report(make_record(), events, (), phases=PHASES).checks
    assert [
        (line.inside and line.inside.passed, line.outside and line.outside.passed) for line in lines
    ] == [(True, False), (False, True)]


def test_ansible_is_summed_over_both_parts() -> None:
    summary = build_whole().ansible
    assert summary is not None
    assert summary.tasks == 112
    assert summary.seconds == pytest.approx(82.4)
    assert [task.task for task in summary.slowest[:2]] == ["Install packages", "Install MariaDB"]
    assert [task.task for task in summary.ignored] == ["Ask the old monitor"]
    assert summary.stats[0].changed == 61


def test_failed_converge_is_counted_from_its_tasks() -> None:
    tasks = make_tasks()
    tasks[1] = replace(tasks[1], status="failed", message="no such package")
    events = halted_at("converge", "the playbook did not converge", "Fix the playbook")
    report = build_report(make_record(RunState.NEEDS_PERSON), events, tasks, phases=PHASES)
    assert report.ansible is not None
    assert not report.ansible.succeeded
    (stats,) = report.ansible.stats
    assert (stats.ok, stats.changed, stats.failed, stats.ignored) == (6, 5, 1, 1)
    assert [task.task for task in report.ansible.failed] == ["Install MariaDB"]
    assert report.halt is not None
    assert (report.halt.step, report.halt.remedy) == ("converge", "Fix the playbook")


@pytest.mark.parametrize("step", NAMES[1:])
def test_run_that_stopped_at_any_step_renders(step: str) -> None:
    events = halted_at(step, "it does not hold", "Mend it")
    record = make_record(RunState.NEEDS_PERSON, ended_after=None)
    report = build_report(record, events, make_tasks(), phases=PHASES)
    assert report.outcome is Outcome.NEEDS_PERSON
    assert report.halt is not None
    assert report.halt.step == step
    assert report.acts == (Act.RESUME, Act.CANCEL)
    render_all(report)


@pytest.mark.parametrize("step", NAMES)
def test_run_that_was_killed_after_any_step_renders(step: str) -> None:
    record = make_record(RunState.PENDING, ended_after=None)
    report = build_report(record, events_until(step), (), phases=PHASES)
    back = NAMES.index(step) >= NAMES.index("verify_outside")
    assert report.outcome is (Outcome.RECOVERED if back else Outcome.UNDER_WAY)
    render_all(report)


@pytest.mark.parametrize("state", RunState)
def test_run_without_any_event_renders(state: RunState) -> None:
    render_all(build_report(make_record(state), (), (), phases=PHASES))


@pytest.mark.parametrize("name", NAMES)
def test_step_without_its_output_renders(name: str) -> None:
    events = [
        replace(item, data={"seconds": 0.1}) if item.step == name else item
        for item in events_until()
    ]
    render_all(build_report(make_record(), events, (), phases=PHASES))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = sorted(
    {"checks", "volumes", "old_instance", "snapshots", "stats", "expires", "name", "seconds", "id"}
    | {"instance_id", "address", "image", "size_bytes", "tasks", "passed", "reason"}
)


@settings(deadline=None)  # the machine may be busy
@given(
    st.sampled_from(NAMES),
    st.dictionaries(
        st.sampled_from(KEYS), ANYTHING | st.lists(st.dictionaries(st.sampled_from(KEYS), ANYTHING))
    ),
    ANYTHING,
)
def test_any_output_renders(name: str, output: dict[str, Any], seconds: Any) -> None:
    events = [
        *events_until(),
        event(name, EventKind.DONE, 94.05, seconds=seconds, output=output),
    ]
    render_all(build_report(make_record(), events, (), phases=PHASES))


def test_undone_run_offers_a_new_recovery() -> None:
    events = [
        *events_until("mark"),
        event("undo_fence", EventKind.DONE, 8, "blog-1 runs, as before", seconds=2.0, output={}),
    ]
    report = build_report(make_record(RunState.UNDONE), events, (), phases=REAL_PHASES)
    assert (report.outcome, report.acts) == (Outcome.UNDONE, (Act.PROPOSE_AGAIN,))
    assert report.timing.phases[-1].phase is Phase.UNDO
    render_all(report)


def test_undo_that_stopped_is_gone_on_with_by_cancel() -> None:
    events = [
        event("undo_fence", EventKind.HALTED, 8, "it is locked", seconds=2.0, remedy="Unlock")
    ]
    report = build_report(make_record(RunState.NEEDS_PERSON), events, (), phases=REAL_PHASES)
    assert report.acts == (Act.CONTINUE_UNDO,)
    assert f"releve cancel {RUN_ID}" in render_markdown(report, "en")
    assert "releve resume" not in render_markdown(report, "en")


@pytest.mark.parametrize("broken", ["soon", "", 15, None, {"minutes": 3}])
def test_objective_that_cannot_be_read_is_left_out(broken: Any) -> None:
    record = replace(make_record(), input=make_input(objectives={"total": broken}))
    report = build_report(record, events_until(), (), phases=PHASES)
    assert report.timing.objective is None
    render_all(report)


def test_texts_are_bounded_where_they_enter() -> None:
    tasks = make_tasks(task="x" * 1_000_000)
    events = [
        *events_until("mark"),
        event("fence", EventKind.DONE, 3, "y" * 1_000_000, seconds=1.0),
    ]
    report = build_report(make_record(), events, tasks, phases=PHASES)
    assert len(render_json(report)) < 100_000
