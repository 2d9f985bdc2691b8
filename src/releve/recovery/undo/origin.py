"""How things stood before the run touched anything, as its journal has it."""

from collections.abc import Mapping
from typing import Any

from releve.errors import StepHalted
from releve.model.run import EventKind
from releve.workflow.step import StepContext


def recorded_old_instance(context: StepContext) -> Mapping[str, Any]:
    for event in reversed(context.outside.journal.read_events(context.run.run_id)):
        if event.step == "preconditions" and event.kind is EventKind.DONE:
            instance: Mapping[str, Any] = event.data["output"]["old_instance"]
            return instance
    raise StepHalted(
        "the journal does not say how things stood before this run",
        why="its preconditions step never ended, so nothing can have been touched",
        remedy="Look at the provider; there should be nothing to undo",
    )
