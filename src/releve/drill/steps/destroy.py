"""Delete the drill's twins and their volumes: only what carries its labels."""

from typing import ClassVar

from releve.drill.subject import Twin, own_labels, twin_name
from releve.model.resources import Instance, Port, Power, Volume
from releve.model.run import EventKind, Phase, RunInput
from releve.recovery.image import IMAGE_ROLE
from releve.recovery.leftover_port import find_leftover_port
from releve.recovery.subject import is_off
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo

_MAKING = frozenset(
    {
        "create_instance",
        "create_second",
        "create_aged",
        "provide_volumes",
        "second_volumes",
        "capture_image",
    }
)


class DestroyTwin(Step):
    name = "destroy_twin"
    phase = Phase.CLOSE
    cell = "R16"
    needs: ClassVar[tuple[str, ...]] = ("learn_noise", "scan_replayed")
    acts_at_most = 400  # stop and delete, for each instance and volume

    def describe(self, run: RunInput) -> str:
        del run
        return "delete the twins and their volumes"

    def look(self, context: StepContext) -> Sight:
        return look_for_rest(context)

    def act(self, context: StepContext) -> Sight:
        return delete_next(context, with_images=False)


class UndoTwins(Step):
    """The same after a drill that did not come to its end, its image included."""

    name = "undo_twins"
    phase = Phase.UNDO
    cell = "RU1"
    acts_at_most = 400  # stop and delete, for each instance, volume and image

    def describe(self, run: RunInput) -> str:
        del run
        return "delete the twins, their volumes and the image"

    def look(self, context: StepContext) -> Sight:
        sight = look_for_rest(context)
        if isinstance(sight, Done):
            sight = look_for_images(context)
        if isinstance(sight, Done) and may_lag(context):
            for pause in (1, 3):  # a list may lag behind the last act of an earlier life
                context.outside.clock.sleep(pause * settle_seconds(context))
            sight = look_for_rest(context)
            if isinstance(sight, Done):
                sight = look_for_images(context)
        return sight

    def act(self, context: StepContext) -> Sight:
        return delete_next(context, with_images=True)


def look_for_rest(context: StepContext) -> Sight:
    instances, volumes = find_rest(context)
    for instance in instances:
        if instance.busy or instance.power is Power.CHANGING:
            continue
        return Todo(f"{instance.name} is {instance.power.value}", target=target_of(instance))
    if instances:
        return Pending(f"{instances[0].name} is {instances[0].busy or 'changing'}")
    for volume in volumes:
        if not is_on_its_way(volume):
            return Todo(f"volume {volume.name} is {volume.state}", target=volume.id)
    if volumes:
        return Pending(f"volume {volumes[0].name} is {volumes[0].state}")
    port = find_port(context)
    if port is not None:
        return Todo(f"port {port.name} is on no instance", target=port.id)
    return Done("nothing of this drill is left but what it learned")


def look_for_images(context: StepContext) -> Sight:
    wanted = {"releve.run": context.run.run_id, "releve.role": IMAGE_ROLE}
    for image in context.outside.provider.find_images(wanted):
        return Todo(f"image {image.name} is there", target=image.id)
    return Done("nothing of this drill is left")


def delete_next(context: StepContext, *, with_images: bool) -> Sight:
    """One act: an instance is stopped, then deleted; then go the volumes, the port, the image."""
    instances, volumes = find_rest(context)
    for instance in instances:
        if not instance.busy and instance.power is not Power.CHANGING:
            return take_down(context, instance)
    for volume in volumes:
        if not is_on_its_way(volume):
            context.outside.provider.delete_volume(volume.id)
            return Pending(f"delete of volume {volume.name} asked for")
    if instances or volumes:
        return Pending("all is asked for")
    return delete_port_or_image(context, with_images=with_images)


def take_down(context: StepContext, instance: Instance) -> Sight:
    if is_off(instance) or instance.power is Power.ERROR:
        context.outside.provider.delete_instance(instance.id)
        return Pending(f"delete of {instance.name} asked for")
    context.outside.provider.stop_instance(instance.id)
    return Pending(f"stop of {instance.name} asked for")


def delete_port_or_image(context: StepContext, *, with_images: bool) -> Sight:
    provider, port = context.outside.provider, find_port(context)
    if port is not None:
        provider.delete_port(port.id)
        return Pending(f"delete of port {port.name} asked for")
    wanted = {"releve.run": context.run.run_id, "releve.role": IMAGE_ROLE}
    for image in provider.find_images(wanted) if with_images else ():
        provider.delete_image(image.id)
        return Pending(f"delete of image {image.name} asked for")
    return Pending("all is asked for")


def find_rest(context: StepContext) -> tuple[tuple[Instance, ...], tuple[Volume, ...]]:
    provider, labels = context.outside.provider, own_labels(context.run)
    return provider.find_instances(labels=labels), provider.find_volumes(labels)


def find_port(context: StepContext) -> Port | None:
    """Left by a create that was refused: a twin that was made takes its port along."""
    names = [twin_name(context.run, twin) for twin in Twin]
    return find_leftover_port(context, *names)


def target_of(instance: Instance) -> str:
    """Another one once it is off: its deletion need not wait for the stop to show."""
    return f"{instance.id} {instance.power.value}"


def is_on_its_way(volume: Volume) -> bool:
    return volume.state in {"deleting", "creating", "detaching", "attaching"}


def settle_seconds(context: StepContext) -> float:
    return context.outside.provider.capabilities.settle_seconds


def may_lag(context: StepContext) -> bool:
    """Whether something may have been made that no list shows yet."""
    if not settle_seconds(context):
        return False
    events = context.outside.journal.read_events(context.run.run_id)
    return any(event.step in _MAKING and event.kind is EventKind.INTENT for event in events)
