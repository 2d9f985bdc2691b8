"""The report of one run, built from its journal alone: pure, and whole for any state of the run."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from releve.model.converge import TaskEvent
from releve.model.run import EventKind, JournalEvent, Mode, Phase, RunRecord, RunState
from releve.recovery.report.acts import choose_acts
from releve.recovery.report.ansible import summarize_ansible
from releve.recovery.report.detected import read_detection
from releve.recovery.report.drilled import read_drill, read_proof
from releve.recovery.report.facts import find_moves, pair_checks
from releve.recovery.report.inquest import find_autopsy
from releve.recovery.report.reading import (
    MAX_CHARACTERS,
    read_outputs,
    read_seconds,
    read_text,
    read_time,
)
from releve.recovery.report.timeline import draw_steps
from releve.recovery.report.timing import PROOF_STEP, measure_timing
from releve.recovery.report.types import Halt, Outcome, Report, RunFacts, StepBar, StepState

_OUTCOMES = {
    RunState.DONE: Outcome.RECOVERED,
    RunState.UNDONE: Outcome.UNDONE,
    RunState.CANCELLED: Outcome.CANCELLED,
    RunState.LEFT: Outcome.LEFT,
    RunState.NEEDS_PERSON: Outcome.NEEDS_PERSON,
}


def build_report(
    run: RunRecord,
    events: Sequence[JournalEvent],
    tasks: Sequence[TaskEvent],
    *,
    phases: Mapping[str, Phase],
    inquest: tuple[str, Sequence[JournalEvent]] | None = None,
) -> Report:
    """`phases`: step name to its phase, for every step of the run and of its undo.

    `inquest`: a later autopsy by a run of its own, with its id and events; it replaces the run's.
    """
    outputs = read_outputs(events)
    made_by, made = inquest or (run.input.run_id, events)
    autopsy = find_autopsy(read_outputs(made), run_id=made_by)
    until = run.ended_at or (events[-1].at if events else run.started_at)
    bars = draw_steps(events, started_at=run.started_at, until=until, phases=phases)
    is_drill = run.input.mode is Mode.DRILL
    outcome = _decide_outcome(run.state, bars, is_drill=is_drill)
    timing = measure_timing(run, events, bars, until=until, alive=_list_signs(tasks))
    moves = find_moves(outputs, planned_image=_planned_image(run))
    ansible = summarize_ansible(outputs, tasks)
    return Report(
        run=_describe_run(run),
        outcome=outcome,
        next_action=run.next_action[:MAX_CHARACTERS],
        acts=choose_acts(outcome, timing, moves=moves, ansible=ansible, autopsy=autopsy),
        verdict=read_text(outputs.get("confirm", {}), "verdict"),
        halt=_find_halt(events) if outcome is Outcome.NEEDS_PERSON else None,
        timing=timing,
        moves=moves,
        checks=pair_checks(outputs),
        ansible=ansible,
        is_drill=is_drill,
        drill=read_drill(outputs) if is_drill else None,
        proof=read_proof(outputs),
        autopsy=autopsy,
        detection=read_detection(run),
    )


def _list_signs(tasks: Sequence[TaskEvent]) -> Iterator[datetime]:
    for task in tasks:
        began = read_time({"at": task.started_at}, "at")
        if began is not None:
            yield began + timedelta(seconds=read_seconds({"seconds": task.seconds}))


def _decide_outcome(state: RunState, bars: Sequence[StepBar], *, is_drill: bool) -> Outcome:
    if is_drill and state.is_over:
        return Outcome.DRILLED if state is RunState.DONE else Outcome.DRILL_BROKEN_OFF
    if state is RunState.PENDING and _is_back(bars):
        return Outcome.RECOVERED  # the last step writes this report before the run is over
    return _OUTCOMES.get(state, Outcome.UNDER_WAY)


def _is_back(bars: Sequence[StepBar]) -> bool:
    proven = any(bar.name == PROOF_STEP and bar.state is StepState.DONE for bar in bars)
    return proven and not any(bar.state is StepState.HALTED for bar in bars)


def _describe_run(run: RunRecord) -> RunFacts:
    return RunFacts(
        run_id=run.input.run_id,
        host=run.input.host,
        epoch=run.input.epoch,
        commit=run.input.commit,
        fingerprint=run.input.fingerprint,
        state=run.state.value,
        started_at=run.started_at,
        ended_at=run.ended_at,
    )


def _planned_image(run: RunRecord) -> str:
    host = run.input.plan.get("host")
    return read_text(host, "image") if isinstance(host, Mapping) else ""


def _find_halt(events: Sequence[JournalEvent]) -> Halt | None:
    for event in reversed(events):
        if event.kind is EventKind.HALTED:
            return Halt(
                step=event.step,
                reason=event.text[:2000],
                remedy=read_text(event.data, "remedy"),
            )
    return None
