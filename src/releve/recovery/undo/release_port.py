"""Delete the port that was reserved for the new instance, where no instance got it."""

from releve.model.identity import instance_name
from releve.model.resources import Port
from releve.model.run import Phase, RunInput
from releve.recovery.leftover_port import find_leftover_port
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class ReleasePort(Step):
    name = "undo_port"
    phase = Phase.UNDO
    cell = "U04"
    needs = ("undo_labels",)

    def describe(self, run: RunInput) -> str:
        del run
        return "delete the reserved port where no instance got it; else it stays with its instance"

    def look(self, context: StepContext) -> Sight:
        port = find_reserved(context)
        if port is None:
            return Done("no port of this run is left over")
        return Todo(f"port {port.id} of this run is on no instance")

    def act(self, context: StepContext) -> Sight:
        port = find_reserved(context)
        if port is not None:
            context.outside.provider.delete_port(port.id)
        return Pending("delete asked for")


def find_reserved(context: StepContext) -> Port | None:
    return find_leftover_port(context, instance_name(context.run.host, context.run.run_id))
