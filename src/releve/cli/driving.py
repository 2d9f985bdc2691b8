"""What recover, resume and cancel share: drive a run in sight of a person, then its report."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from releve.cli.by_mode import catalogue_of, phases_of, steps_to_undo
from releve.cli.terminal import Terminal
from releve.errors import ReleveError, RunHeld
from releve.model.run import Mode, RunInput, RunRecord, RunState
from releve.plan.types import ImageUse
from releve.recovery.autopsy.case import looks_back, recovery_of
from releve.recovery.recover import describe_run, leave_as_it_is
from releve.recovery.subject import plan_of

if TYPE_CHECKING:  # dbos and the adapters are imported when a run is driven, not before
    from releve.plan.loading import LoadedPlan
    from releve.ports.outside import Outside
    from releve.wiring import State
    from releve.workflow.engine import Engine
    from releve.workflow.observer import Observer

EXIT_NEEDS_PERSON = 3
SAFE_POINT_SECONDS = 120.0  # a step under way is waited for before its run is undone


@dataclass(frozen=True)
class Manner:
    """How the run is shown."""

    json: bool
    language: str


def show_proposal(run: RunInput) -> None:
    terminal = Terminal()
    what = "drill" if run.mode is Mode.DRILL else "recovery"
    if looks_back(run):
        what = f"look back at run {recovery_of(run)}"
    terminal.line(f"A {what} of {run.host}, run {run.run_id}:", style="bold")
    show_steps(terminal, run)


def show_steps(terminal: Terminal, run: RunInput) -> None:
    terminal.table(
        ("step", "what it does"),
        [(line.name, line.sentence) for line in describe_run(run, catalogue_of(run))],
    )
    terminal.line()


def drive_run(run: RunInput, state: "State", manner: Manner) -> None:
    """Drive to an end; exits 3 where a person is needed."""
    outside, observer = open_doors(run, state, manner)
    record = open_engine(run, outside, state, observer=observer).drive(run)
    close_run(record, state, manner)


def drive_drill(run: RunInput, state: "State", manner: Manner) -> None:
    """Drive to an end, then its report."""
    close_run(carry_out_drill(run, state, manner), state, manner)


def carry_out_drill(run: RunInput, state: "State", manner: Manner) -> RunRecord:
    """Drive to an end; one that stops early cleans up after itself at once."""
    outside, observer = open_doors(run, state, manner)
    with breaking_off_late(run, state):
        record = open_engine(run, outside, state, observer=observer).drive(run)
        if not record.state.is_over:
            steps = tuple(steps_to_undo(record, journal=state.journal))
            record = open_engine(run, outside, state, observer=observer).undo(run, steps)
    return record


@contextmanager
def breaking_off_late(run: RunInput, state: "State") -> Iterator[None]:
    """A drill that takes longer than the plan allows is asked to stop, and cleans up."""
    seconds = plan_of(run).drill.timeout.total_seconds()
    timer = threading.Timer(seconds, state.journal.request_cancel, [run.run_id])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def choose_image(loaded: "LoadedPlan", host: str, state: "State") -> dict[str, str]:
    """The image of the last drill, where it is what the playbooks would make now; else nothing."""
    from releve.recovery.image import propose_image
    from releve.wiring import connect_provider

    plan = loaded.host(host)
    if plan.drill.image is ImageUse.NEVER:
        return {}
    try:
        provider = connect_provider(loaded.plan.provider)
    except ReleveError:
        return {}  # the run's preconditions will say what is wrong
    try:
        return propose_image(
            provider, plan, str(loaded.repository), host=host, journal=state.journal
        )
    finally:
        provider.close()


def undo_run(record: RunRecord, state: "State", manner: Manner) -> None:
    """Wait for a safe point where another process drives the run, then put things back."""
    run = record.input
    await_safe_point(run.run_id, state, manner)
    outside, observer = open_doors(run, state, manner)
    steps = tuple(steps_to_undo(record, journal=state.journal))
    ended = open_engine(run, outside, state, observer=observer).undo(run, steps)
    close_run(ended, state, manner)


def leave_run(record: RunRecord, state: "State", manner: Manner, *, asking: bool) -> None:
    """Nothing of the provider is asked or touched, so this works when it is gone."""
    run = record.input
    if asking:
        question = f"Close run {run.run_id} of {run.host}, and leave all it touched where it is?"
        typer.confirm(question, abort=True, err=True)
    leave_as_it_is(run, journal=state.journal, lease=state.lease, clock=state.clock)
    if not manner.json:
        Terminal().line(f"run {run.run_id} was closed by a person; all it touched is as it was")
    close_run(state.journal.read_run(run.run_id), state, manner)


def open_doors(run: RunInput, state: "State", manner: Manner) -> "tuple[Outside, Observer]":
    from releve.cli.live import open_live_view
    from releve.wiring import connect, provider_of

    needs = {line.name: line.needs for line in describe_run(run, catalogue_of(run))}
    observer = open_live_view(run, state.journal, needs=needs, json=manner.json)
    return connect(provider_of(run), state=state), observer


def open_engine(
    run: RunInput, outside: "Outside", state: "State", *, observer: "Observer"
) -> "Engine":
    from releve.workflow.engine import Engine, EngineSettings

    settings = EngineSettings(state.directory, state.database_url, observer=observer)
    return Engine(outside, catalogue_of(run), settings)


def await_safe_point(run_id: str, state: "State", manner: Manner) -> None:
    give_up = state.clock.monotonic() + SAFE_POINT_SECONDS
    told = manner.json
    while state.lease.is_held(f"run {run_id}"):
        if not told:
            Terminal().line("another process drives this run; waiting until it stops")
            told = True
        if state.clock.monotonic() >= give_up:
            raise RunHeld(
                f"run {run_id} has not stopped yet",
                why=f"its step did not come to a safe point in {SAFE_POINT_SECONDS:.0f} s",
                remedy=f"It stops as soon as it can; then `releve cancel {run_id}` again",
            )
        state.clock.sleep(0.2)


def close_run(record: RunRecord, state: "State", manner: Manner) -> None:
    """Write the report whatever the end, and leave by an exit code that tells it."""
    from releve.cli.runs import print_answer
    from releve.recovery.report.language import wording_for
    from releve.recovery.report.of_run import read_report, write_run_report
    from releve.recovery.report.write import report_directory

    run_id = record.input.run_id
    paths = write_run_report(
        state.journal,
        run_id,
        directory=report_directory(state.directory),
        language=manner.language,
        phases=phases_of(record.input),
    )
    if manner.json:
        Terminal().json(
            {
                "run_id": run_id,
                "state": record.state.value,
                "next_action": record.next_action,
                "report": {"json": str(paths.json), "html": str(paths.html)},
            }
        )
    else:
        terminal = Terminal()
        print_answer(
            terminal, read_report(state.journal, run_id), wording=wording_for(manner.language)
        )
        terminal.line(f"report  {paths.html}")
    if record.state is RunState.NEEDS_PERSON:
        raise typer.Exit(EXIT_NEEDS_PERSON)
