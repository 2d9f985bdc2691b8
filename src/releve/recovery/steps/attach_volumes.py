"""Attach each volume to the new instance, while the old one is proven off."""

from releve.model.run import Phase, RunInput
from releve.recovery.subject import (
    holders_of,
    new_instance_id,
    plan_of,
    read_new_instance,
    read_volumes,
    require_fenced,
    require_no_stranger,
)
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class AttachVolumes(Step):
    name = "attach_volumes"
    phase = Phase.MOVE
    cell = "S13"
    needs = ("await_volumes", "await_instance")
    acts_at_most = 64  # one for each volume

    def describe(self, run: RunInput) -> str:
        names = ", ".join(plan_of(run).volumes) or "no volume"
        return f"attach {names} to the new instance"

    def look(self, context: StepContext) -> Sight:
        new = new_instance_id(context)
        volumes = read_volumes(context)
        for name, volume in volumes.items():
            require_no_stranger(volume, {new})
            if new not in holders_of(volume) and volume.state != "attaching":
                return Todo(f"volume {name} is on no instance", target=name)
        for name, volume in volumes.items():
            if volume.state != "in-use":
                return Pending(f"volume {name} is {volume.state}")
        return Done(
            f"{len(volumes)} volume(s) on the new instance",
            {"attached": [volume.id for volume in volumes.values()]},
        )

    def act(self, context: StepContext) -> Sight:
        require_fenced(context)
        new = read_new_instance(context)
        for name, planned in plan_of(context.run).volumes.items():
            volume = context.outside.provider.get_volume(planned.id)
            require_no_stranger(volume, {new.id})
            if not volume.attachments and volume.state != "attaching":
                context.outside.provider.attach_volume(volume.id, new.id, mount_point=planned.mount)
                return Pending(f"attach of {name} asked for")
        return Pending("every attach is asked for")
