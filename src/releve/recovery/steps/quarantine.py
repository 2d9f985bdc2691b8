"""Keep the old instance for the inquest; then say that the new one is the host."""

from releve.errors import StepHalted
from releve.model.resources import Instance, Role
from releve.model.run import Phase, RunInput
from releve.plan.durations import format_duration
from releve.recovery.subject import (
    labels_of,
    plan_of,
    read_marked_instance,
    read_new_instance,
    require_fenced,
)
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class Quarantine(Step):
    name = "quarantine"
    phase = Phase.CLOSE
    cell = "S19"
    needs = ("verify_outside",)
    acts_at_most = 4  # label, lock; each may have to be sent twice

    def describe(self, run: RunInput) -> str:
        keep = format_duration(plan_of(run).quarantine)
        return f"keep the old instance, off and cut off, for at least {keep}; never delete it"

    def look(self, context: StepContext) -> Sight:
        instance = require_fenced(context)
        require_stripped(instance)
        labels = instance.labels
        if labels.get("releve.role") != Role.QUARANTINED.value or not labels.get("releve.expires"):
            return Todo(f"{instance.name} is not labelled as quarantined yet", target="label")
        if lacks_lock(context, instance):
            return Todo(f"{instance.name} is not locked any more", target="lock")
        return Done(
            f"{instance.name} is quarantined until {labels['releve.expires'][:10]}",
            {
                "instance_id": instance.id,
                "name": instance.name,
                "expires": labels["releve.expires"],
            },
        )

    def act(self, context: StepContext) -> Sight:
        instance = read_marked_instance(context)
        if instance.labels.get("releve.role") == Role.QUARANTINED and lacks_lock(context, instance):
            context.outside.provider.lock_instance(instance.id)
            return Pending("lock sent; it is read back")
        expires = context.outside.clock.now() + plan_of(context.run).quarantine
        label(
            context, instance, role=Role.QUARANTINED, expires=expires.isoformat(timespec="seconds")
        )
        return Pending("the label is written; it is read back")


class Promote(Step):
    name = "promote"
    phase = Phase.CLOSE
    cell = "S19"
    needs = ("quarantine",)

    def describe(self, run: RunInput) -> str:
        return f"label the new instance as the one that is {run.host}"

    def look(self, context: StepContext) -> Sight:
        instance = read_new_instance(context)
        if instance.labels.get("releve.role") != Role.ACTIVE.value:
            return Todo(f"{instance.name} is still a candidate")
        return Done(f"{instance.name} is {context.run.host} now", {"instance_id": instance.id})

    def act(self, context: StepContext) -> Sight:
        label(context, read_new_instance(context), role=Role.ACTIVE, expires="")
        return Pending("the label is written; it is read back")


def lacks_lock(context: StepContext, instance: Instance) -> bool:
    """A provider may have to lift it for an act, and the controller be killed right then."""
    return context.outside.provider.capabilities.locks and not instance.locked


def require_stripped(instance: Instance) -> None:
    if instance.volumes or instance.networked:
        kept = "a data volume" if instance.volumes else "a network interface"
        raise StepHalted(
            f"the old instance {instance.name} has {kept} again",
            why="a quarantined instance holds neither volume nor network",
            remedy="Take it away at the provider",
        )


def label(context: StepContext, instance: Instance, *, role: Role, expires: str) -> None:
    context.outside.provider.label_instance(
        instance.id, labels_of(context.run, role, expires=expires), revision=instance.revision
    )
