"""What can be wrong with the engine's own record of a run, as errors for a person."""

from releve.errors import JournalError, RunHeld, StepHalted


def taken_over(run_id: str) -> RunHeld:
    return RunHeld(
        f"another process took run {run_id} over",
        remedy=f"Follow it with `releve runs show {run_id}`",
    )


def record_damaged(run_id: str, why: str) -> StepHalted:
    """The record must not be trusted, so nothing is carried out from it."""
    return StepHalted(
        f"the engine's record of run {run_id} is not what Relève wrote",
        why=why[:500],
        remedy="Find out who wrote to the run database; undo the run or begin a new one",
    )


def record_unwritable(run_id: str, why: str) -> JournalError:
    return JournalError(
        f"the record of run {run_id} cannot be read or written",
        why=why[:500],
        remedy=f"Make room or bring the run database back, then `releve resume {run_id}`",
    )


def being_undone(run_id: str) -> StepHalted:
    return StepHalted(
        f"run {run_id} is being undone and cannot go on",
        remedy=f"Go on with the undo: `releve cancel {run_id}`",
    )
