"""Give each twin volumes of its own where the host has its data: empty ones, or clones."""

from typing import ClassVar

from releve.drill.subject import (
    Twin,
    door_to_twin,
    drill_of,
    read_twin_volumes,
    twin_id,
    volume_names,
    why_left_out,
)
from releve.errors import Missing, StepHalted
from releve.model.resources import Role, Volume
from releve.model.run import Phase, RunInput
from releve.plan.sizes import parse_size
from releve.plan.types import DrillVolumes
from releve.recovery.steps.mount_volumes import Guest, examine_volumes
from releve.recovery.subject import holders_of, is_off, labels_of, plan_of
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo

SMALLEST_BYTES = 2**30  # where neither plan nor provider tells a size


class ProvideVolumes(Step):
    name = "provide_volumes"
    phase = Phase.MOVE
    cell = "R05"
    needs: ClassVar[tuple[str, ...]] = ("preconditions",)
    acts_at_most = 64  # one for each volume
    twin = Twin.FIRST

    def describe(self, run: RunInput) -> str:
        names = ", ".join(plan_of(run).volumes) or "no volume"
        kind = "clone" if drill_of(run).volumes is DrillVolumes.CLONE else "make empty"
        return f"{kind} {names} for the twin"

    def look(self, context: StepContext) -> Sight:
        if self.twin is not Twin.FIRST and (why := why_left_out(context)):
            return Done(f"left out: {why}", {"volumes": {}})
        found = read_twin_volumes(context, self.twin)
        for name in plan_of(context.run).volumes:
            if name not in found:
                return Todo(f"the twin has no volume {name} yet", target=name)
        for name, volume in found.items():
            if volume.state not in {"available", "in-use"}:
                return Pending(f"volume {name} is {volume.state}")
        return Done(
            f"{len(found)} volume(s) of the twin's own",
            {"volumes": {name: volume.id for name, volume in found.items()}},
        )

    def act(self, context: StepContext) -> Sight:
        name = context.target
        if name in read_twin_volumes(context, self.twin):
            return Pending(f"volume {name} shows by now")
        make_volume(context, name, called=volume_names(context.run, self.twin)[name])
        return Pending(f"volume {name} asked for")


class ProvideSecondVolumes(ProvideVolumes):
    name = "second_volumes"
    phase = Phase.STUDY
    cell = "R13"
    needs = ("create_second",)
    twin = Twin.SECOND


class AttachTwinVolumes(Step):
    name = "attach_volumes"
    phase = Phase.MOVE
    cell = "R05"
    needs: ClassVar[tuple[str, ...]] = ("provide_volumes", "await_instance")
    acts_at_most = 64  # one for each volume
    source = Twin.FIRST
    target = Twin.FIRST

    def describe(self, run: RunInput) -> str:
        return f"attach {', '.join(plan_of(run).volumes) or 'no volume'} to the twin"

    def look(self, context: StepContext) -> Sight:
        if self.target is not Twin.FIRST and (why := why_left_out(context)):
            return Done(f"left out: {why}")
        holder = twin_id(context, self.target)
        for name, volume in read_twin_volumes(context, self.source).items():
            if holder not in holders_of(volume) and volume.state not in {"attaching", "detaching"}:
                return Todo(f"volume {name} is not on it", target=f"{name} {volume.state}")
            if volume.state != "in-use":
                return Pending(f"volume {name} is {volume.state}")
        return Done("each volume is on it")

    def act(self, context: StepContext) -> Sight:
        holder = twin_id(context, self.target)
        for name, volume in read_twin_volumes(context, self.source).items():
            if volume.state in {"attaching", "detaching"} or holder in holders_of(volume):
                continue
            self._bring_closer(context, name, volume)
            return Pending(f"move of {name} asked for")
        return Pending("every move is asked for")

    def _bring_closer(self, context: StepContext, name: str, volume: Volume) -> None:
        provider = context.outside.provider
        for other in holders_of(volume):
            if not is_off(provider.get_instance(other)):
                raise StepHalted(
                    f"volume {volume.id} is on {other}, which runs",
                    why="a volume is only taken from an instance that is off",
                    remedy="Cancel this drill",
                )
            provider.detach_volume(volume.id, other)
            return
        mount = plan_of(context.run).volumes[name].mount
        provider.attach_volume(volume.id, twin_id(context, self.target), mount_point=mount)


class AttachSecondVolumes(AttachTwinVolumes):
    name = "second_attach"
    phase = Phase.STUDY
    cell = "R13"
    needs = ("second_volumes", "reach_second")
    source = Twin.SECOND
    target = Twin.SECOND


class MoveVolumes(AttachTwinVolumes):
    """From the first twin, which is off, to the one made from its image, before that one boots."""

    name = "move_volumes"
    phase = Phase.STUDY
    cell = "R12"
    needs = ("create_aged",)
    source = Twin.FIRST
    target = Twin.AGED

    def describe(self, run: RunInput) -> str:
        del run
        return "move the volumes to it before it boots"


class MountTwinVolumes(Step):
    name = "mount_volumes"
    phase = Phase.MOVE
    cell = "R05"
    needs: ClassVar[tuple[str, ...]] = ("attach_volumes", "await_access")
    twin = Twin.FIRST

    def describe(self, run: RunInput) -> str:
        mounts = ", ".join(volume.mount for volume in plan_of(run).volumes.values())
        return f"mount them where the host has its data ({mounts or 'none'})"

    def look(self, context: StepContext) -> Sight:
        if self.twin is not Twin.FIRST and (why := why_left_out(context)):
            return Done(f"left out: {why}")
        return mount(context, self.twin, only_look=True)

    def act(self, context: StepContext) -> Sight:
        return mount(context, self.twin, only_look=False)


class MountSecondVolumes(MountTwinVolumes):
    name = "second_mount"
    phase = Phase.STUDY
    cell = "R13"
    needs = ("second_attach",)
    twin = Twin.SECOND


class MountAgedVolumes(MountTwinVolumes):
    """Nothing to do where they were mounted at its boot."""

    name = "mount_aged"
    phase = Phase.STUDY
    cell = "R12"
    needs = ("reach_aged",)
    twin = Twin.AGED


def mount(context: StepContext, twin: Twin, *, only_look: bool) -> Sight:
    guest = Guest(twin_id(context, twin), door_to_twin(context, twin))
    source = Twin.FIRST if twin is Twin.AGED else twin  # which got them from the first one
    volumes = read_twin_volumes(context, source)
    seen = examine_volumes(context, volumes, guest=guest, mount=not only_look)
    if not all(volume["mounted"] for volume in seen):
        return Todo("not mounted yet")
    return Done(f"{len(seen)} volume(s) mounted", {"volumes": seen})


def make_volume(context: StepContext, name: str, *, called: str) -> None:
    run, provider = context.run, context.outside.provider
    labels = labels_of(run, Role.TWIN)
    planned = plan_of(run).volumes[name]
    if drill_of(run).volumes is DrillVolumes.CLONE:
        provider.clone_volume(planned.id, name=called, labels=labels)
        return
    size = parse_size(planned.size) if planned.size else 0
    try:
        size = size or provider.get_volume(planned.id).size_bytes
    except Missing:
        size = 0  # the host may be gone; its twin is made all the same
    provider.create_volume(name=called, size_bytes=size or SMALLEST_BYTES, labels=labels)
