"""Make sure that this drill may go on: no recovery of the host is open, the plan is unchanged."""

from releve.errors import StepHalted
from releve.model.run import Phase, RunInput
from releve.recovery.recover import find_open_recovery
from releve.recovery.steps.gates import require_unchanged
from releve.workflow.step import Done, Sight, Step, StepContext, Todo


class DrillGates(Step):
    name = "gates"
    phase = Phase.DECIDE
    cell = "R01"
    touches = False

    def describe(self, run: RunInput) -> str:
        return f"make sure that nobody recovers {run.host} now and that the plan is unchanged"

    def look(self, context: StepContext) -> Sight:
        run = context.run
        require_unchanged(run)
        recovery = find_open_recovery(run.host, journal=context.outside.journal)
        if recovery:
            raise StepHalted(
                f"run {recovery} recovers {run.host}",
                why="a recovery has priority over a drill",
                remedy="Drill again when it is over",
            )
        context.outside.lease.verify()
        return Done("no recovery is open, plan unchanged", {"epoch": run.epoch})

    def act(self, context: StepContext) -> Sight:
        del context
        return Todo("gates only look")
