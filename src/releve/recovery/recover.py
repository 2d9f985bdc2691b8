"""Propose a recovery, carry it out, go on with it, or undo it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from releve.errors import PlanError, RunHeld
from releve.model.identity import is_run_id, new_run_id
from releve.model.run import (
    EventKind,
    JournalEvent,
    Mode,
    Output,
    RunInput,
    RunRecord,
    RunState,
)
from releve.plan.loading import LoadedPlan
from releve.plan.types import HostPlan
from releve.ports.clock import Clock
from releve.ports.journal import Journal, Lease
from releve.recovery.autopsy.case import looks_back
from releve.recovery.autopsy.reader import UndoHelper
from releve.recovery.catalogue import (
    catalogue_for,
    catalogue_of_look_back,
    steps_for,
    undo_steps,
)
from releve.recovery.fingerprint import commit_of, fingerprint
from releve.workflow.run_driver import name_host_lease
from releve.workflow.run_format import RUN_FORMAT
from releve.workflow.step import Step


@dataclass(frozen=True)
class StepLine:
    """One step as a person reads it before agreeing."""

    name: str
    phase: str
    sentence: str
    needs: tuple[str, ...]


def propose_run(
    loaded: LoadedPlan,
    host: str,
    *,
    journal: Journal,
    clock: Clock,
    options: Output,
    run_id: str = "",
) -> RunInput:
    """Freeze what a recovery of this host would be; nothing is recorded or touched yet.

    `run_id`: chosen by who starts it; empty: a new one.
    """
    if run_id and not is_run_id(run_id):
        raise PlanError(
            "that is no id of a run",
            why="it has 12 letters and digits, the first a letter",
            remedy="leave it out: the run is given one",
        )
    plan = loaded.host(host)
    frozen = freeze_plan(loaded, plan)
    return RunInput(
        format=RUN_FORMAT,
        run_id=run_id or new_run_id(),
        host=host,
        epoch=journal.next_epoch(host),
        plan=frozen,
        repository=str(loaded.repository),
        fingerprint=fingerprint(frozen, loaded.repository),
        steps=steps_for(plan, image=bool(options.get("image"))),
        proposed_at=clock.now().isoformat(timespec="seconds"),
        commit=commit_of(loaded.repository),
        options=options,
    )


def require_fingerprint(run: RunInput, wanted: str) -> None:
    """PlanError where plan, playbooks or inventory are not those that were decided on."""
    if run.fingerprint != wanted:
        raise PlanError(
            f"what a recovery of {run.host} would do is not what was approved",
            why="releve.yml, a playbook or the inventory has changed since",
            remedy="Look at the steps and approve them again",
        )


def freeze_plan(loaded: LoadedPlan, plan: HostPlan) -> dict[str, object]:
    return {
        "provider": loaded.plan.provider.model_dump(mode="json"),
        "host": plan.model_dump(mode="json"),
    }


def describe_run(run: RunInput, catalogue: Mapping[str, Step]) -> tuple[StepLine, ...]:
    """The steps of this run, in order, from the plan alone."""
    return tuple(
        StepLine(name, catalogue[name].phase.value, catalogue[name].describe(run), needs)
        for name in run.steps
        for needs in [catalogue[name].needs]
    )


def find_recorded(host: str, run_id: str, *, journal: Journal) -> RunRecord | None:
    """The recovery of this id, where the journal has it already."""
    for record in journal.list_runs(host=host):
        if record.input.run_id == run_id and record.input.mode is Mode.RECOVER:
            return record
    return None


def find_open_recovery(host: str, *, journal: Journal) -> str:
    """The id of a recovery of this host that is not over; empty: there is none."""
    for record in journal.list_runs(host=host):
        if not record.state.is_over and record.input.mode is Mode.RECOVER:
            return record.input.run_id
    return ""


def make_drills_yield(host: str, *, journal: Journal) -> None:
    """A recovery waits for no rehearsal: each open drill is asked to stop and clean up."""
    for record in journal.list_runs(host=host):
        if not record.state.is_over and record.input.mode is Mode.DRILL:
            journal.request_cancel(record.input.run_id)


def require_no_open_run(host: str, *, journal: Journal) -> None:
    """One recovery at a time for a host, so that two never move the same volumes."""
    for record in journal.list_runs(host=host):
        if not record.state.is_over and record.input.mode is Mode.RECOVER:
            run_id = record.input.run_id
            raise RunHeld(
                f"run {run_id} of {host} is not over: {record.state.value}",
                why="two runs of one host could move the same volumes",
                remedy=f"Go on with `releve resume {run_id}` or put things back with"
                f" `releve cancel {run_id}`; `--as-it-is` only closes it",
            )


def has_touched(record: RunRecord, catalogue: Mapping[str, Step], *, journal: Journal) -> bool:
    """Whether any step that touches the provider was begun."""
    return any(
        event.kind is EventKind.INTENT and event.step in catalogue and catalogue[event.step].touches
        for event in journal.read_events(record.input.run_id)
    )


def require_not_over(record: RunRecord, *, verb: str) -> None:
    if record.state.is_over:
        raise PlanError(
            f"run {record.input.run_id} is over: {record.state.value}",
            why=f"there is nothing to {verb}",
            remedy=f"See `releve runs show {record.input.run_id}`",
        )


def leave_as_it_is(run: RunInput, *, journal: Journal, lease: Lease, clock: Clock) -> None:
    """Close it in the journal alone: the provider may be gone, or put right by a person.

    RunHeld while a process drives it. Nothing is looked at or touched.
    """
    lease.hold((f"run {run.run_id}", name_host_lease(run)))
    try:
        event = JournalEvent(run.run_id, "", EventKind.NOTE, clock.now(), "closed by a person")
        journal.append(event)
        next_action = "Closed by a person; what it made and moved is where it was left"
        journal.set_state(run.run_id, RunState.LEFT, next_action=next_action)
    finally:
        lease.release()


def steps_to_undo(record: RunRecord, *, journal: Journal) -> Sequence[str]:
    """The undo steps of this run; none where it touched nothing."""
    if looks_back(record.input):
        return (UndoHelper.name,)
    catalogue = catalogue_of(record.input)
    return undo_steps() if has_touched(record, catalogue, journal=journal) else ()


def catalogue_of(run: RunInput) -> Mapping[str, Step]:
    if looks_back(run):
        return catalogue_of_look_back(is_salvage="salvage" in run.options)
    return catalogue_for(
        HostPlan.model_validate(run.plan["host"]), image=bool(run.options.get("image"))
    )
