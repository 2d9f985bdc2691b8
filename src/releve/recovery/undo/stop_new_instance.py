"""Power the new instance off, so that nothing holds the volumes or answers at the address."""

from releve.model.resources import Instance, Power
from releve.model.run import EventKind, Phase, RunInput
from releve.recovery.steps.create_instance import CreateInstance
from releve.recovery.subject import find_new_instance, is_off, plan_of
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class StopNewInstance(Step):
    name = "undo_stop"
    phase = Phase.UNDO
    cell = "U04"

    def describe(self, run: RunInput) -> str:
        del run
        return "power the new instance off"

    def look(self, context: StepContext) -> Sight:
        instance = find_settled(context)
        if instance is None:
            return Done("this run made no instance", {"instance_id": ""})
        if is_off(instance):
            return Done(f"{instance.name} is off", {"instance_id": instance.id})
        if instance.busy:
            return Pending(f"{instance.name} is {instance.busy}")
        if instance.power is Power.ERROR and not holds_anything(context, instance):
            reason = f"{instance.name} never came up and holds nothing of {context.run.host}"
            return Done(reason, {"instance_id": instance.id})
        return Todo(f"{instance.name} is {instance.power.value}")

    def act(self, context: StepContext) -> Sight:
        instance = find_new_instance(context)
        if instance is not None:
            context.outside.provider.stop_instance(instance.id)
        return Pending("stop asked for")


def holds_anything(context: StepContext, instance: Instance) -> bool:
    """A data volume or the public address: then it must be proven off, whatever its state."""
    address = context.outside.provider.get_address(plan_of(context.run).address)
    return bool(instance.volumes) or address.instance_id == instance.id


def find_settled(context: StepContext) -> Instance | None:
    """Look twice where a create was sent: a list may lag behind it."""
    instance = find_new_instance(context)
    settle = context.outside.provider.capabilities.settle_seconds
    if instance is None and settle and was_create_sent(context):
        for pause in (settle, 3 * settle):
            context.outside.clock.sleep(pause)
            instance = instance or find_new_instance(context)
    return instance


def was_create_sent(context: StepContext) -> bool:
    return any(
        event.step == CreateInstance.name and event.kind is EventKind.INTENT
        for event in context.outside.journal.read_events(context.run.run_id)
    )
