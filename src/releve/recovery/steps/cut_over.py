"""Move the public address to the new instance, which has passed its checks."""

from releve.errors import StepHalted
from releve.model.resources import Address
from releve.model.run import Phase, RunInput
from releve.recovery.subject import (
    new_instance_id,
    old_instance_id,
    plan_of,
    read_new_instance,
    require_fenced,
)
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class CutOver(Step):
    name = "cut_over"
    phase = Phase.CUTOVER
    cell = "S17"
    needs = ("verify",)

    def describe(self, run: RunInput) -> str:
        return f"move {plan_of(run).address} to the new instance"

    def look(self, context: StepContext) -> Sight:
        address = read_address(context)
        new, old = new_instance_id(context), old_instance_id(context)
        if address.instance_id == new:
            return Done(
                f"{address.address} leads to the new instance",
                {"address": address.address, "from_instance": old, "to_instance": new},
            )
        if address.instance_id not in {"", old}:
            raise StepHalted(
                f"{address.address} is on {address.instance_id}, which has no part in this run",
                remedy="Find out who moved it; move it back",
            )
        return Todo(f"{address.address} is on {address.instance_id or 'no instance'}")

    def act(self, context: StepContext) -> Sight:
        require_fenced(context)
        read_new_instance(context)
        address = read_address(context)
        context.outside.provider.move_address(
            address.address, new_instance_id(context), expected=address
        )
        return Pending("move asked for")


def read_address(context: StepContext) -> Address:
    return context.outside.provider.get_address(plan_of(context.run).address)
