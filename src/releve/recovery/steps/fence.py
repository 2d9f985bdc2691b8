"""Fence the old instance through the provider, and prove it by reading back."""

from releve.errors import StepHalted
from releve.model.resources import Instance, Power
from releve.model.run import Phase, RunInput
from releve.recovery.subject import is_off, read_marked_instance
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class Fence(Step):
    name = "fence"
    phase = Phase.FENCE
    cell = "S06"
    needs = ("mark",)
    acts_at_most = 6  # stop, lock, isolate; each may have to be sent twice

    def describe(self, run: RunInput) -> str:
        return f"power the old instance of {run.host} off, lock it and take its network away"

    def look(self, context: StepContext) -> Sight:
        instance = read_marked_instance(context)
        missing = next_missing(instance, locks=context.outside.provider.capabilities.locks)
        if missing == "settle":
            return Pending(f"{instance.name} is {instance.busy or instance.power.value}")
        if missing:
            return Todo(f"{instance.name} is not fenced yet: {missing}", target=missing)
        was = context.output_of("preconditions")["old_instance"]["power"]
        return Done(
            f"{instance.name} is off, locked and without network",
            {"instance_id": instance.id, "was_running": was == Power.RUNNING.value},
        )

    def act(self, context: StepContext) -> Sight:
        instance, provider = read_marked_instance(context), context.outside.provider
        missing = next_missing(instance, locks=provider.capabilities.locks)
        if missing == "stop":
            provider.stop_instance(instance.id)
        elif missing == "lock":
            provider.lock_instance(instance.id)
        elif missing == "isolate":
            provider.isolate_instance(instance.id)
        return Pending(f"{missing} sent; it is read back")


def next_missing(instance: Instance, *, locks: bool) -> str:
    """The next act of the fence: stop, lock, isolate; settle: wait; empty: it is fenced."""
    if instance.power is Power.ERROR:
        raise StepHalted(
            f"the old instance {instance.name} is in the provider's error state",
            why="nobody can prove that it is off",
            remedy="Have the provider power it off",
        )
    if instance.busy or instance.power is Power.CHANGING:
        return "settle"
    if not is_off(instance):
        return "stop"
    if locks and not instance.locked:
        return "lock"
    return "isolate" if instance.networked else ""
