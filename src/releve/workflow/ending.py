"""How a run ends, decided from what became of its steps; each ending names one next action."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from releve.errors import JournalError, ReleveError, RunHeld
from releve.model.run import RunState
from releve.workflow.carry_out import StopRequested
from releve.workflow.interpreter import Interpretation
from releve.workflow.step import FAILED


@dataclass(frozen=True)
class Ending:
    state: RunState
    next_action: str
    error: ReleveError | None = None  # to be raised once the state is recorded


def next_while_pending(run_id: str, *, undoing: bool) -> str:
    return (
        f"Under way; if it was interrupted, `{_command(run_id, undoing=undoing)}` goes on with it"
    )


def decide_ending(
    run_id: str, steps: Sequence[str], interpretation: Interpretation, *, undoing: bool
) -> Ending:
    """What the steps came to; raises instead what must end the process."""
    _raise_what_ends_the_process(interpretation.failures)
    for step, failure in interpretation.failures.items():
        if isinstance(failure, ReleveError):
            return Ending(
                RunState.NEEDS_PERSON, _ask_person(run_id, step, failure, undoing=undoing)
            )
    if any(step not in interpretation.outputs for step in steps):
        return Ending(
            RunState.PENDING, f"It stopped at a safe point; `releve cancel {run_id}` undoes it"
        )
    if undoing and not steps:
        return Ending(RunState.CANCELLED, "Nothing had been touched, so nothing is left to do")
    state = RunState.UNDONE if undoing else RunState.DONE
    if given_up := [step for step in steps if interpretation.outputs[step].get(FAILED)]:
        return Ending(
            state,
            f"It is done but for {', '.join(given_up)}; `releve runs show {run_id}` says why and"
            " what to do",
        )
    return Ending(state, f"Nothing is left to do; `releve runs show {run_id}` has the report")


def when_unusable(run_id: str, error: ReleveError, *, undoing: bool) -> Ending:
    """For a record that cannot be carried out at all."""
    next_action = f"{_sentence(error)} {_then(error, _command(run_id, undoing=undoing))}"
    return Ending(RunState.NEEDS_PERSON, next_action, error)


def _raise_what_ends_the_process(failures: Mapping[str, BaseException]) -> None:
    """The journal first: nothing can be recorded without it. A defect of ours is no ending."""
    for kind in (JournalError, RunHeld):
        for failure in failures.values():
            if isinstance(failure, kind):
                raise failure
    for failure in failures.values():
        if not isinstance(failure, (ReleveError, StopRequested)):
            raise failure


def _ask_person(run_id: str, step: str, error: ReleveError, *, undoing: bool) -> str:
    named = "" if str(error).startswith(step) else f"{step}: "
    return f"{named}{_sentence(error)} {_then(error, _command(run_id, undoing=undoing))}"


def _command(run_id: str, *, undoing: bool) -> str:
    return f"releve cancel {run_id}" if undoing else f"releve resume {run_id}"


def _sentence(error: ReleveError) -> str:
    return str(error).rstrip(". \n") + "."


def _then(error: ReleveError, command: str) -> str:
    remedy = error.remedy.rstrip(". \n")
    return remedy if "`releve " in remedy else f"{remedy}, then `{command}`"
