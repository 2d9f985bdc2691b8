"""How the provider port shows what a fake cloud holds."""

import hashlib
from collections.abc import Mapping
from typing import Any

from releve.errors import Ambiguous, Missing, Refused
from releve.model.resources import (
    SUPERBLOCK_BYTES,
    Attachment,
    HostKey,
    Image,
    Instance,
    InstanceRequest,
    Power,
    SystemDisk,
    Volume,
)
from tests.fakes.cloud_state import CloudInstance, CloudState, CloudVolume

_POWERS = {
    "BUILD": Power.CHANGING,
    "RUNNING": Power.RUNNING,
    "STOPPED": Power.STOPPED,
    "ERROR": Power.ERROR,
}


def require_criterion(labels: Mapping[str, str] | None, kind: str) -> None:
    if not labels:
        raise Refused(f"no criterion to find {kind} by", remedy="give a name or labels")


def describe_request(request: InstanceRequest) -> dict[str, Any]:
    """The request as the history keeps it: private keys are counted, not kept."""
    return {
        "name": request.name,
        "image_id": request.image_id,
        "size": request.size,
        "network": request.network,
        "labels": request.labels.as_mapping(),
        "authorized_keys": request.authorized_keys,
        "port_id": request.port_id,
        "host_private_keys": len(request.host_private_keys),
        "isolated": request.isolated,
        "start": request.start,
    }


def describe_instance(state: CloudState, instance: CloudInstance) -> Instance:
    held = [volume for volume in state.volumes.values() if volume.held_by == instance.id]
    shown = [other.id for other in state.instances.values() if instance.id in other.root_shown_to]
    is_changing = instance.busy.startswith("powering") and instance.state != "STOPPED"
    return Instance(
        id=instance.id,
        name=instance.name,
        power=Power.CHANGING if is_changing else _POWERS[instance.state],
        locked=instance.locked,
        busy=instance.busy,
        private_address=instance.private_address if instance.networked else "",
        image=instance.image,
        size=instance.size,
        volumes=tuple(volume.id for volume in held),
        networked=instance.networked,
        labels=dict(instance.labels),
        revision=str(instance.revision),
        isolated=instance.is_isolated,
        system_disks=tuple(shown),
        disk_serials={} if state.habits.shows_disks else {key: f"copy-of-{key}" for key in shown},
    )


def describe_volume(state: CloudState, volume: CloudVolume) -> Volume:
    mounts = volume.mount_points if state.habits.mounts_volumes else {}
    serial = "" if state.habits.mounts_volumes else volume.serial
    return Volume(
        id=volume.id,
        name=volume.name,
        size_bytes=volume.size_bytes,
        filesystem_uuid=volume.filesystem_uuid if state.habits.mounts_volumes else "",
        state=volume.state,
        attachments=tuple(
            Attachment(instance_id, mounts.get(instance_id, ""), serial)
            for instance_id in volume.attached_to
        ),
        labels=dict(volume.labels),
    )


def list_images(state: CloudState) -> tuple[Image, ...]:
    captured = (
        Image(item.id, item.name, item.ready, dict(item.labels)) for item in state.captures.values()
    )
    return (*(Image(key, name) for key, name in state.images.items()), *captured)


def describe_image(state: CloudState, reference: str) -> Image:
    images = list_images(state)
    for image in images:
        if image.id == reference:
            return image
    named = [image for image in images if image.name == reference]
    if not named:
        raise Missing(f"no image {reference}", remedy="choose an existing image")
    if len(named) > 1:
        raise Ambiguous(f"{len(named)} images are called {reference}", remedy="give the id")
    return named[0]


def describe_system_disk(state: CloudState, instance: CloudInstance) -> SystemDisk:
    if not state.habits.shows_disks:
        return SystemDisk("", b"", "", why="only a helper sees its bytes")
    content = instance.root_content or f"the system of {instance.id}"
    superblock = bytes.fromhex(instance.root_superblock).ljust(SUPERBLOCK_BYTES, b"\0")
    is_off = instance.state == "STOPPED" and not instance.busy
    whole = hashlib.sha256(superblock + content.encode()).hexdigest()
    return SystemDisk(
        filesystem=instance.root_filesystem,
        superblock=superblock,
        digest=whole if is_off else "",
        why="" if is_off else "it runs, so its bytes change",
    )


def summarize(seen: object) -> dict[str, Any]:
    """What the oracle wants to know of a read: power states and host keys."""
    items = seen if isinstance(seen, tuple) else (seen,)
    return {
        "seen": [
            {"id": item.id, "power": item.power.value, "busy": item.busy}
            for item in items
            if isinstance(item, Instance)
        ],
        "host_keys": [[item.algorithm, item.public] for item in items if isinstance(item, HostKey)],
        "count": len(items),
    }
