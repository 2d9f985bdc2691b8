"""Give each volume back to the old instance."""

from contextlib import suppress

from releve.errors import Missing, StepHalted
from releve.model.resources import Volume
from releve.model.run import Phase, RunInput
from releve.recovery.subject import (
    find_new_instance,
    holders_of,
    is_off,
    plan_of,
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
        held = [volume for volume in read_present(context) if is_held(volume, new)]
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
        for volume in read_present(context):
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
        old, wanted = recorded_old_instance(context)["id"], wanted_volumes(context)
        present = [volume for volume in read_present(context) if volume.id in wanted]
        for volume in present:
            require_no_stranger(volume, {old})
            if not volume.attachments and volume.state == "available":
                return Todo(f"volume {volume.id} is on no instance", target=volume.id)
            if volume.state != "in-use":
                return Pending(f"volume {volume.id} is {volume.state}")
        require_none_gone(set(wanted) - {volume.id for volume in present}, context)
        return Done("each volume is where it was")

    def act(self, context: StepContext) -> Sight:
        old = recorded_old_instance(context)["id"]
        mounts = {volume.id: volume.mount for volume in plan_of(context.run).volumes.values()}
        wanted = wanted_volumes(context)
        for volume in read_present(context):
            if volume.id in wanted and not volume.attachments:
                context.outside.provider.attach_volume(
                    volume.id, old, mount_point=mounts[volume.id]
                )
                return Pending(f"attach of {volume.id} asked for")
        return Pending("every attach is asked for")


def is_held(volume: Volume, new: object) -> bool:
    return getattr(new, "id", "") in holders_of(volume)


def read_present(context: StepContext) -> list[Volume]:
    """Those of the plan that are still there: one that is gone keeps no other from its place."""
    found = []
    for planned in plan_of(context.run).volumes.values():
        with suppress(Missing):
            found.append(context.outside.provider.get_volume(planned.id))
    return found


def require_none_gone(gone: set[str], context: StepContext) -> None:
    if gone:
        raise StepHalted(
            f"volume {', '.join(sorted(gone))} is gone, so {context.run.host} cannot be as it was",
            why="it was deleted at the provider after this run had begun; the others are back",
            remedy="Restore it from a backup and start the old instance by hand; then close this"
            f" run with `releve cancel {context.run.run_id} --as-it-is`",
        )


def wanted_volumes(context: StepContext) -> list[str]:
    """The plan's volumes that were on the old instance when the run began."""
    before = set(recorded_old_instance(context)["volumes"])
    return [volume.id for volume in plan_of(context.run).volumes.values() if volume.id in before]
