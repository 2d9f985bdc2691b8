"""Detach each volume from the old instance, which is proven off."""

from releve.model.run import Phase, RunInput
from releve.recovery.subject import (
    find_new_instance,
    holders_of,
    old_instance_id,
    plan_of,
    read_volumes,
    require_fenced,
    require_no_stranger,
)
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class DetachVolumes(Step):
    name = "detach_volumes"
    phase = Phase.MOVE
    cell = "S11"
    needs = ("fence", "snapshot_volumes")
    acts_at_most = 64  # one for each volume

    def describe(self, run: RunInput) -> str:
        names = ", ".join(plan_of(run).volumes) or "no volume"
        return f"detach {names} from the old instance"

    def look(self, context: StepContext) -> Sight:
        held = held_by_old_instance(context)
        waiting = [volume for volume, state in held.items() if state != "detaching"]
        if waiting:
            reason = f"still attached to the old instance: {', '.join(waiting)}"
            return Todo(reason, target=waiting[0])
        if held:
            return Pending(f"on its way off the old instance: {', '.join(held)}")
        ids = [volume.id for volume in read_volumes(context).values()]
        return Done("no volume is attached to the old instance", {"detached": ids})

    def act(self, context: StepContext) -> Sight:
        require_fenced(context)
        for volume_id, state in held_by_old_instance(context).items():
            if state == "detaching":
                continue
            context.outside.provider.detach_volume(volume_id, old_instance_id(context))
            return Pending(f"detach of {volume_id} asked for")
        return Pending("every detach is asked for")


def held_by_old_instance(context: StepContext) -> dict[str, str]:
    """Volume id to state, for each volume that the old instance still holds."""
    old, new = old_instance_id(context), find_new_instance(context)
    allowed = {old} | ({new.id} if new else set())
    held = {}
    for volume in read_volumes(context).values():
        require_no_stranger(volume, allowed)
        if old in holders_of(volume):
            held[volume.id] = volume.state
    return held
