"""Write this run's identity and epoch on the old instance: the intent others can read."""

from releve.errors import StepHalted
from releve.model.resources import Role
from releve.model.run import Phase, RunInput
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
        require_lower_epoch(context.run, dict(instance.labels))
        return Todo(f"{instance.name} does not carry this run's mark")

    def act(self, context: StepContext) -> Sight:
        instance = read_old_instance(context)
        context.outside.provider.label_instance(
            instance.id, labels_of(context.run, Role.ACTIVE), revision=instance.revision
        )
        return Pending("the mark is written; it is read back")


def require_lower_epoch(run: RunInput, labels: dict[str, str]) -> None:
    epoch = int(labels.get("releve.epoch", "0") or "0")
    if epoch >= run.epoch and labels.get("releve.run") != run.run_id:
        raise StepHalted(
            f"the old instance is marked by run {labels.get('releve.run')} with epoch {epoch}",
            why=f"this run has epoch {run.epoch}, so the other one is newer",
            remedy="Let the other run end, or cancel it; then propose a new run",
        )
