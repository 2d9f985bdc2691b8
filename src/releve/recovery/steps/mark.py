"""Write this run's identity and epoch on the old instance: the intent others can read."""

from releve.errors import StepHalted
from releve.model.resources import Instance, Role
from releve.model.run import Phase, RunInput
from releve.recovery.preconditions import read_epoch
from releve.recovery.subject import labels_of, read_old_instance
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class Mark(Step):
    name = "mark"
    phase = Phase.DECIDE
    cell = "S04"
    needs = ("confirm", "preconditions")

    def describe(self, run: RunInput) -> str:
        return f"mark the old instance with run {run.run_id} and epoch {run.epoch}"

    def look(self, context: StepContext) -> Sight:
        instance = read_old_instance(context)
        wanted = labels_of(context.run, Role.ACTIVE).as_mapping()
        if all(instance.labels.get(key, "") == value for key, value in wanted.items()):
            return Done(f"{instance.name} carries this run's mark", {"instance_id": instance.id})
        require_lower_epoch(context.run, instance)
        return Todo(f"{instance.name} does not carry this run's mark")

    def act(self, context: StepContext) -> Sight:
        instance = read_old_instance(context)
        context.outside.provider.label_instance(
            instance.id, labels_of(context.run, Role.ACTIVE), revision=instance.revision
        )
        return Pending("the mark is written; it is read back")


def require_lower_epoch(run: RunInput, instance: Instance) -> None:
    if not instance.labels.get("releve.epoch"):
        return  # no run has ever marked it
    epoch, marked_by = read_epoch(instance), instance.labels.get("releve.run")
    if epoch >= run.epoch and marked_by != run.run_id:
        raise StepHalted(
            f"the old instance is marked by run {marked_by} with epoch {epoch}",
            why=f"this run has epoch {run.epoch}, so the other one is newer",
            remedy="Let the other run end, or cancel it; then propose a new run",
        )
