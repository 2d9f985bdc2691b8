"""Propose a run that looks back at the dead disk of a recovery that is over."""

from dataclasses import asdict

from releve.errors import PlanError
from releve.model.identity import new_run_id
from releve.model.run import Output, RunInput, RunRecord, RunState
from releve.ports.clock import Clock
from releve.ports.journal import Journal
from releve.recovery.autopsy.case import AUTOPSY_MODE, RECOVERY, SALVAGE_MODE
from releve.recovery.autopsy.salvaged import Choice, check_choice
from releve.recovery.catalogue import autopsy_steps, salvage_steps
from releve.workflow.run_format import RUN_FORMAT


def propose_autopsy(recovery: RunRecord, *, journal: Journal, clock: Clock) -> RunInput:
    """Of a recovery that is done; nothing is recorded or touched yet."""
    return propose_look_back(
        recovery,
        autopsy_steps(),
        journal=journal,
        clock=clock,
        options={"mode": AUTOPSY_MODE},
    )


def propose_salvage(
    recovery: RunRecord, choice: Choice, *, journal: Journal, clock: Clock
) -> RunInput:
    """PlanError where a path cannot be meant."""
    checked = check_choice(choice)
    return propose_look_back(
        recovery,
        salvage_steps(),
        journal=journal,
        clock=clock,
        options={"mode": SALVAGE_MODE, "salvage": asdict(checked)},
    )


def propose_look_back(
    recovery: RunRecord,
    steps: tuple[str, ...],
    *,
    journal: Journal,
    clock: Clock,
    options: Output,
) -> RunInput:
    require_done_recovery(recovery)
    run = recovery.input
    return RunInput(
        format=RUN_FORMAT,
        run_id=new_run_id(),
        host=run.host,
        epoch=journal.next_epoch(run.host),
        plan=run.plan,
        repository=run.repository,
        fingerprint=run.fingerprint,
        steps=steps,
        proposed_at=clock.now().isoformat(timespec="seconds"),
        commit=run.commit,
        options={**options, RECOVERY: run.run_id},
    )


def require_done_recovery(record: RunRecord) -> None:
    run_id = record.input.run_id
    if record.input.options.get("mode", "recover") != "recover":
        raise PlanError(
            f"run {run_id} is no recovery",
            why="only a recovery leaves a dead disk in quarantine",
            remedy=f"See `releve runs --host {record.input.host}` for its recoveries",
        )
    if record.state is not RunState.DONE:
        raise PlanError(
            f"run {run_id} is {record.state.value}, not DONE",
            why="the old instance is only in quarantine once the new one has taken over",
            remedy=f"See `releve runs show {run_id}`",
        )
