"""What the fake cloud accepts and refuses of acts on twins, images, helpers and system disks."""

from collections.abc import Callable
from typing import Final

from releve.errors import Busy, Missing, Refused
from tests.fakes.cloud_rules import LOOK, Arguments, find
from tests.fakes.cloud_state import CloudCapture, CloudInstance, CloudState, CloudVolume

_DELETABLE: Final = frozenset({"twin", "helper", "discarded"})


def delete_instance(state: CloudState, now: float, arguments: Arguments) -> None:
    instance = find(state.instances, arguments["instance_id"], "instance")
    role = instance.labels.get("releve.role", "")
    if not instance.labels.get("releve.run") or role not in _DELETABLE:
        raise _refuse(f"{instance.id} is not deleted", why=f"its role is {role or 'nobody knows'}")
    for volume in state.volumes_of(instance.id):
        if volume.labels.get("releve.role") != "twin":
            raise _refuse(f"{instance.id} is not deleted", why=f"it holds {volume.id}")
    if instance.state not in {"STOPPED", "ERROR"} or instance.busy:
        raise Busy(f"{instance.id} is {instance.busy or instance.state}", remedy=LOOK)
    instance.busy, instance.settles_to = "deleting", "GONE"
    instance.settles_at = now + state.habits.delete_seconds
    for volume in state.volumes_of(instance.id):
        volume.state, volume.attached_to, volume.held_by = "available", [], ""


def create_volume(state: CloudState, now: float, arguments: Arguments) -> None:
    size, content = arguments["size_bytes"], ""
    _make_volume(state, now, arguments, size_bytes=size, content=content)


def clone_volume(state: CloudState, now: float, arguments: Arguments) -> None:
    source = find(state.volumes, arguments["volume_id"], "volume")
    if source.state not in {"available", "in-use"}:
        raise Busy(f"{source.id} is {source.state}", remedy=LOOK)
    size, content = source.size_bytes, source.content
    _make_volume(state, now, arguments, size_bytes=size, content=content)


def _make_volume(
    state: CloudState, now: float, arguments: Arguments, *, size_bytes: int, content: str
) -> None:
    names = {volume.name for volume in state.volumes.values()}
    if state.habits.names_are_unique and arguments["name"] in names:
        raise Busy(f"the name {arguments['name']} is taken", remedy=LOOK)
    if len(state.volumes) >= state.quota.get("volumes", 1000):
        raise Refused("the quota of volumes is used up", remedy="ask for more quota")
    volume_id = state.new_id("volume")
    state.volumes[volume_id] = CloudVolume(
        id=volume_id,
        name=arguments["name"],
        size_bytes=size_bytes,
        filesystem_uuid=f"00000000-0000-4000-8000-{state.made:012d}",
        content=content,
        state="creating",
        settles_to="available",
        settles_at=now + state.habits.volume_seconds,
        labels=dict(arguments["labels"]),
    )


def delete_volume(state: CloudState, now: float, arguments: Arguments) -> None:
    volume = find(state.volumes, arguments["volume_id"], "volume")
    if not volume.labels.get("releve.run") or volume.labels.get("releve.role") != "twin":
        raise _refuse(f"{volume.id} is not deleted", why="it is no twin's")
    if volume.state not in {"available", "error", "error_creating"} or volume.held_by:
        raise Busy(f"{volume.id} is {volume.state} {volume.held_by}".rstrip(), remedy=LOOK)
    volume.state, volume.settles_to = "deleting", "GONE"
    volume.settles_at = now + state.habits.delete_seconds


def capture_image(state: CloudState, now: float, arguments: Arguments) -> None:
    instance = find(state.instances, arguments["instance_id"], "instance")
    labels = arguments["labels"]
    if not labels.get("releve.host") or not labels.get("releve.run"):
        raise _refuse(f"{instance.id} is not captured", why="its labels name no host and run")
    _require_off(instance, error=Busy)
    taken = {*state.images.values(), *(image.name for image in state.captures.values())}
    if state.habits.names_are_unique and arguments["name"] in taken:
        raise Busy(f"the name {arguments['name']} is taken", remedy=LOOK)
    image_id = state.new_id("image")
    state.captures[image_id] = CloudCapture(
        id=image_id,
        name=arguments["name"],
        labels=dict(arguments["labels"]),
        root_filesystem=instance.root_filesystem,
        root_content=instance.root_content,
        settles_at=now + state.habits.capture_seconds,
    )


def delete_image(state: CloudState, _now: float, arguments: Arguments) -> None:
    if arguments["image_id"] in state.images:
        raise _refuse(f"{arguments['image_id']} is not deleted", why="Relève did not make it")
    image = find(state.captures, arguments["image_id"], "image")
    if not image.labels.get("releve.run"):
        raise _refuse(f"{image.id} is not deleted", why="Relève did not make it")
    del state.captures[image.id]


def attach_system_disk(state: CloudState, _now: float, arguments: Arguments) -> None:
    instance = find(state.instances, arguments["instance_id"], "instance")
    helper = find(state.instances, arguments["helper_id"], "instance")
    if helper.labels.get("releve.role") != "helper":
        raise _refuse(f"{helper.id} reads no system disk", why="it is no helper")
    _require_off(instance, error=Refused)
    if helper.id in instance.root_shown_to:
        raise Busy(f"{helper.id} reads {instance.id} already", remedy=LOOK)
    shown = arguments["mount_point"] if state.habits.shows_disks else ""
    instance.root_shown_to[helper.id] = shown


def detach_system_disk(state: CloudState, _now: float, arguments: Arguments) -> None:
    instance = find(state.instances, arguments["instance_id"], "instance")
    helper = find(state.instances, arguments["helper_id"], "instance")
    if helper.id not in instance.root_shown_to:
        raise Missing(f"{helper.id} does not read {instance.id}", remedy=LOOK)
    del instance.root_shown_to[helper.id]


def _require_off(instance: CloudInstance, *, error: type[Busy] | type[Refused]) -> None:
    if instance.state != "STOPPED" or instance.busy:
        raise error(f"{instance.id} is {instance.busy or instance.state}", remedy="stop it first")


def _refuse(what: str, *, why: str) -> Refused:
    return Refused(what, why=why, remedy="look at its labels")


ACTS: dict[str, Callable[[CloudState, float, Arguments], None]] = {
    rule.__name__: rule
    for rule in (
        delete_instance,
        create_volume,
        clone_volume,
        delete_volume,
        capture_image,
        delete_image,
        attach_system_disk,
        detach_system_disk,
    )
}
