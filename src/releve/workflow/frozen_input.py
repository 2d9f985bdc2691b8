"""The input of a run's workflow: all that a later life reads, whatever was edited meanwhile."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from releve.model.run import Output
from releve.workflow import engine_errors
from releve.workflow.run_driver import Work

Frozen = dict[str, Any]  # run, steps, outputs of steps that came before


def freeze(work: Work, *, outputs: Mapping[str, Output]) -> Frozen:
    names = [step.name for step in work.steps]
    frozen = {"run": asdict(work.run), "steps": names, "outputs": outputs}
    return dict(json.loads(json.dumps(frozen)))


def read_frozen(recorded: object, *, run_id: str) -> Frozen:
    """The input out of its record; StepHalted where it is not one that Relève wrote."""
    match recorded:
        case {"args": ({"run": dict(), "steps": list(), "outputs": dict()} as frozen,)}:
            return cast("Frozen", frozen)
    raise engine_errors.record_damaged(run_id, "its input cannot be read")


def require_same(recorded: Frozen, work: Work) -> None:
    expected = freeze(work, outputs={})
    if (recorded["run"], recorded["steps"]) != (expected["run"], expected["steps"]):
        raise engine_errors.record_damaged(
            work.run.run_id, "the journal holds another input for it"
        )


def require_output(output: object, *, run_id: str) -> Output:
    """A step's output out of its record; StepHalted where it cannot be one."""
    if not isinstance(output, dict):
        raise engine_errors.record_damaged(run_id, "a step's output cannot be read")
    return output


def require_usable(status: str, recorded: Any, work: Work, *, error: object) -> None:
    """StepHalted unless the recorded workflow may go on and is the one that was frozen."""
    run_id = work.run.run_id
    if status == "CANCELLED":
        raise engine_errors.being_undone(run_id)
    if status == "ERROR":
        raise engine_errors.record_damaged(run_id, f"dbos ended it with {error}")
    require_same(read_frozen(recorded, run_id=run_id), work)
