"""Close the run once the host is held by its new instance alone."""

from typing import ClassVar

from releve.errors import StepHalted
from releve.model.run import Phase, RunInput
from releve.recovery.steps.cut_over import read_address
from releve.recovery.subject import (
    new_instance_id,
    old_instance_id,
    read_new_instance,
    read_volumes,
    require_fenced,
)
from releve.workflow.step import Done, Pending, Sight, Step, StepContext


class Close(Step):
    name = "close"
    phase = Phase.CLOSE
    cell = "S20"
    needs: ClassVar[tuple[str, ...]] = ("promote",)
    touches = False

    def describe(self, run: RunInput) -> str:
        return f"see once more that {run.host} is whole, then close the run and write its report"

    def look(self, context: StepContext) -> Sight:
        require_fenced(context)
        new = read_new_instance(context)
        address = read_address(context)
        if address.instance_id != new.id:
            raise StepHalted(
                f"{address.address} leads to {address.instance_id or 'no instance'} at the end",
                why=f"it had been moved to {new.name}",
                remedy="Find out who moved it; move it back",
            )
        old = old_instance_id(context)
        for volume in read_volumes(context).values():
            if {item.instance_id for item in volume.attachments} != {new_instance_id(context)}:
                raise StepHalted(
                    f"volume {volume.id} is not on the new instance alone at the end",
                    why=f"it is {volume.state}; the old instance is {old}",
                    remedy="Attach it to the new instance at the provider",
                )
        return Done(f"{new.name} holds the address and each volume")

    def act(self, context: StepContext) -> Sight:
        del context
        return Pending("closing only looks")
