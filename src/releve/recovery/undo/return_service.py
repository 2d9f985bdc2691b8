"""Open the fence, give the address back, start the old instance if it ran, discard the new one."""

from releve.errors import ProviderError, StepHalted
from releve.model.resources import Address, Instance, Power, Role
from releve.model.run import Phase, RunInput
from releve.recovery.subject import find_new_instance, labels_of, plan_of
from releve.recovery.undo.origin import recorded_old_instance
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class OpenFence(Step):
    name = "undo_fence"
    phase = Phase.UNDO
    cell = "U03"
    needs = ("undo_helper", "undo_attach")
    acts_at_most = 8  # address, reconnect, unlock, start; each may have to be sent twice

    def describe(self, run: RunInput) -> str:
        return f"give the old instance of {run.host} its network back; start it if it ran"

    def look(self, context: StepContext) -> Sight:
        instance = read_old(context)
        missing = find_missing(context, instance)
        if missing == "settle":
            return Pending(f"{instance.name} is {instance.busy or instance.power.value}")
        if missing:
            return Todo(f"still to do: {missing}", target=missing)
        return Done(f"{instance.name} is {instance.power.value}, as before")

    def act(self, context: StepContext) -> Sight:
        instance, provider = read_old(context), context.outside.provider
        missing = find_missing(context, instance)
        if missing == "address":
            return_address(context, instance.id)
        elif missing == "reconnect":
            provider.reconnect_instance(instance.id)
        elif missing == "unlock":
            provider.unlock_instance(instance.id)
        elif missing == "start":
            return start(context, instance)
        return Pending(f"{missing} sent; it is read back")


class ReturnAddress(Step):
    name = "undo_address"
    phase = Phase.UNDO
    cell = "U03"
    needs = ("undo_fence",)

    def describe(self, run: RunInput) -> str:
        return f"lead {plan_of(run).address} to the old instance again"

    def look(self, context: StepContext) -> Sight:
        provider = context.outside.provider
        address = provider.get_address(plan_of(context.run).address)
        old = recorded_old_instance(context)["id"]
        if address.instance_id == old:
            return Done(f"{address.address} leads to the old instance")
        require_no_stranger_has(address, context)
        return Todo(f"{address.address} is on {address.instance_id or 'no instance'}")

    def act(self, context: StepContext) -> Sight:
        return_address(context, recorded_old_instance(context)["id"])
        return Pending("move asked for")


class DiscardNewInstance(Step):
    name = "undo_labels"
    phase = Phase.UNDO
    cell = "U04"
    needs = ("undo_address",)

    def describe(self, run: RunInput) -> str:
        del run
        return "label the new instance as discarded; it is kept, off, never deleted by a run"

    def look(self, context: StepContext) -> Sight:
        instance = find_new_instance(context)
        if instance is None:
            return Done("this run made no instance", {"discarded": ""})
        if instance.labels.get("releve.role") == Role.DISCARDED.value:
            return Done(f"{instance.name} is discarded", {"discarded": instance.name})
        if instance.power is Power.ERROR:  # a provider may let nobody label such a one
            kept = f"{instance.name} stays in the error state, labelled as this run's"
            return Done(f"{kept}; delete it at the provider", {"discarded": instance.name})
        return Todo(f"{instance.name} is not labelled as discarded yet")

    def act(self, context: StepContext) -> Sight:
        instance = find_new_instance(context)
        if instance is not None:
            labels = labels_of(context.run, Role.DISCARDED)
            context.outside.provider.label_instance(instance.id, labels, revision=instance.revision)
        return Pending("the label is written; it is read back")


def read_old(context: StepContext) -> Instance:
    return context.outside.provider.get_instance(recorded_old_instance(context)["id"])


def find_missing(context: StepContext, old: Instance) -> str:
    """As next_to_restore; first an address that took the old instance's port along."""
    missing = next_to_restore(old, should_run=ran_before(context))
    if missing == "settle":
        return missing
    address = context.outside.provider.get_address(plan_of(context.run).address)
    if not address.with_port or address.instance_id == old.id:
        return missing
    require_no_stranger_has(address, context)
    return "address"


def require_no_stranger_has(address: Address, context: StepContext) -> None:
    new = find_new_instance(context)
    if address.instance_id not in {"", new.id if new else ""}:
        raise StepHalted(
            f"{address.address} is on {address.instance_id}, which has no part in this run",
            remedy="Find out who moved it and move it back by hand",
        )


def return_address(context: StepContext, old: str) -> None:
    provider = context.outside.provider
    address = provider.get_address(plan_of(context.run).address)
    provider.move_address(address.address, old, expected=address)


def ran_before(context: StepContext) -> bool:
    return bool(recorded_old_instance(context)["power"] == Power.RUNNING.value)


def next_to_restore(instance: Instance, *, should_run: bool) -> str:
    """The next act: reconnect, unlock, start; settle: wait; empty: it is as it was."""
    if instance.busy or instance.power is Power.CHANGING:
        return "settle"
    if not instance.networked:
        return "reconnect"
    if instance.locked:
        return "unlock"
    return "start" if should_run and instance.power is not Power.RUNNING else ""


def start(context: StepContext, instance: Instance) -> Sight:
    """A crashed host may not start again; that must not keep the address from going back."""
    try:
        context.outside.provider.start_instance(instance.id)
    except ProviderError as error:
        return Done(f"{instance.name} is as before but does not start: {error}", {"started": False})
    return Pending("start asked for; it is read back")
