"""Give each volume back to the old instance."""

from releve.errors import StepHalted
from releve.model.resources import Volume
from releve.model.run import Phase, RunInput
from releve.recovery.subject import (
    find_new_instance,
    holders_of,
    is_off,
    plan_of,
    read_volumes,
    require_no_stranger,
)
from releve.recovery.undo.origin import recorded_old_instance
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class DetachFromNew(Step):
    name = "undo_detach"
    phase = Phase.UNDO
    cell = "U01"
    needs = ("undo_stop",)
    acts_at_most = 64  # one for each volume

    def describe(self, run: RunInput) -> str:
        return f"detach {', '.join(plan_of(run).volumes) or 'no volume'} from the new instance"

    def look(self, context: StepContext) -> Sight:
        new = find_new_instance(context)
        held = [volume for volume in read_volumes(context).values() if is_held(volume, new)]
        waiting = [volume.id for volume in held if volume.state != "detaching"]
        if waiting:
            return Todo(f"still on the new instance: {', '.join(waiting)}", target=waiting[0])
        if held:
            return Pending("on its way off the new instance")
        return Done("the new instance holds no volume")

    def act(self, context: StepContext) -> Sight:
        new = find_new_instance(context)
        if new is not None and not is_off(new):
            raise StepHalted(
                f"the new instance {new.name} runs again",
                why="a volume is only taken from an instance that is off",
                remedy="Stop it at the provider",
            )
        for volume in read_volumes(context).values():
            if new is not None and is_held(volume, new) and volume.state != "detaching":
                context.outside.provider.detach_volume(volume.id, new.id)
                return Pending(f"detach of {volume.id} asked for")
        return Pending("every detach is asked for")


class AttachToOld(Step):
    name = "undo_attach"
    phase = Phase.UNDO
    cell = "U02"
    needs = ("undo_detach",)
    acts_at_most = 64  # one for each volume

    def describe(self, run: RunInput) -> str:
        return f"attach {', '.join(plan_of(run).volumes) or 'no volume'} to the old instance again"

    def look(self, context: StepContext) -> Sight:
        old = recorded_old_instance(context)["id"]
        for planned in wanted_volumes(context):
            volume = context.outside.provider.get_volume(planned)
            require_no_stranger(volume, {old})
            if not volume.attachments and volume.state == "available":
                return Todo(f"volume {volume.id} is on no instance", target=volume.id)
            if volume.state != "in-use":
                return Pending(f"volume {volume.id} is {volume.state}")
        return Done("each volume is where it was")

    def act(self, context: StepContext) -> Sight:
        old = recorded_old_instance(context)["id"]
        mounts = {volume.id: volume.mount for volume in plan_of(context.run).volumes.values()}
        for planned in wanted_volumes(context):
            if not context.outside.provider.get_volume(planned).attachments:
                context.outside.provider.attach_volume(planned, old, mount_point=mounts[planned])
                return Pending(f"attach of {planned} asked for")
        return Pending("every attach is asked for")


def is_held(volume: Volume, new: object) -> bool:
    return getattr(new, "id", "") in holders_of(volume)


def wanted_volumes(context: StepContext) -> list[str]:
    """The plan's volumes that were on the old instance when the run began."""
    before = set(recorded_old_instance(context)["volumes"])
    return [volume.id for volume in plan_of(context.run).volumes.values() if volume.id in before]
