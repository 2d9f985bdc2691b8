"""What the fake cloud does by itself as its time passes."""

from collections.abc import Iterator

from tests.fakes.cloud_state import NEVER, CloudInstance, CloudState, CloudVolume


def settle(state: CloudState, now: float) -> list[str]:
    """Bring every transition that is due to its end; one sentence for each."""
    sentences = [
        *_settle_instances(state, now),
        *_settle_volumes(state, now),
        *_settle_snapshots(state, now),
        *_settle_captures(state, now),
    ]
    state.shadows = [shadow for shadow in state.shadows if shadow.until > now]
    return sentences


def is_due(state: CloudState, now: float) -> bool:
    """Whether settling would change anything."""
    return (
        any(instance.settles_at <= now for instance in state.instances.values())
        or any(min(item.settles_at, item.held_until) <= now for item in state.volumes.values())
        or any(snapshot.settles_at <= now for snapshot in state.snapshots.values())
        or any(capture.settles_at <= now for capture in state.captures.values())
        or any(shadow.until <= now for shadow in state.shadows)
    )


def _settle_instances(state: CloudState, now: float) -> Iterator[str]:
    for instance in list(state.instances.values()):
        while instance.settles_at <= now:
            if instance.settles_to == "GONE":
                del state.instances[instance.id]
                state.ports.pop(instance.port_id, None)
                yield f"{instance.id} is deleted"
                break
            _finish_instance(state, instance)
            yield f"{instance.id} is {instance.state} {instance.busy}".rstrip()


def _finish_instance(state: CloudState, instance: CloudInstance) -> None:
    at, target = instance.settles_at, instance.settles_to
    instance.settles_at, instance.settles_to = NEVER, ""
    instance.revision += 1
    if target == "IDLE":
        instance.busy = ""
        return
    instance.state = target
    if target == "STOPPED":
        instance.settles_at, instance.settles_to = at + state.habits.stop_busy_seconds, "IDLE"
        instance.booted_at = NEVER
        _lose_mounts(state, instance)
        return
    instance.busy = ""
    if target == "ERROR" and instance.port_id in state.ports:
        state.ports[instance.port_id].instance_id = ""  # as Nova does: what was there before stays
    if target == "RUNNING":
        instance.booted_at = at + state.habits.boot_seconds
        _mount_by_host(state, instance)


def _lose_mounts(state: CloudState, instance: CloudInstance) -> None:
    for volume in state.volumes.values():
        if volume.mounted_on == instance.id:
            volume.dirty = volume.dirty or volume.mount_mode == "rw"
            volume.mounted_on, volume.mount_mode = "", ""


def _mount_by_host(state: CloudState, instance: CloudInstance) -> None:
    if not state.habits.mounts_volumes:
        return
    for volume in state.volumes.values():
        if instance.id in volume.attached_to and instance.id in volume.mount_points:
            mount(volume, instance.id, mode="rw")


def mount(volume: CloudVolume, instance_id: str, *, mode: str, replay: bool = True) -> None:
    """A guest or the host mounts it: rw writes, and so does a plain ro on a dirty journal."""
    volume.mounted_on, volume.mount_mode = instance_id, mode
    if mode == "rw":
        volume.content += f"|mounted rw on {instance_id}"
        volume.dirty = False
    elif replay and volume.dirty:
        volume.content += f"|journal replayed on {instance_id}"
        volume.dirty = False


def _settle_volumes(state: CloudState, now: float) -> Iterator[str]:
    for volume in list(state.volumes.values()):
        if volume.settles_at <= now and volume.settles_to == "GONE":
            del state.volumes[volume.id]
            yield f"{volume.id} is deleted"
        elif volume.settles_at <= now:
            _finish_volume(state, volume)
            yield f"{volume.id} is {volume.state}"
        if volume.held_until <= now:
            volume.held_until, volume.held_by = NEVER, ""
            yield f"{volume.id} is listed on no instance"


def _finish_volume(state: CloudState, volume: CloudVolume) -> None:
    at, target = volume.settles_at, volume.settles_to
    volume.settles_at, volume.settles_to = NEVER, ""
    volume.state = target
    if target == "in-use":
        instance = state.instances.get(volume.pending_instance)
        volume.attached_to = [*volume.attached_to, volume.pending_instance]
        volume.held_by, volume.pending_instance = volume.pending_instance, ""
        if instance and instance.state == "RUNNING" and state.habits.mounts_volumes:
            mount(volume, instance.id, mode="rw")
    if target == "available" and volume.attached_to:
        volume.attached_to, volume.mount_points = [], {}
        volume.mounted_on, volume.mount_mode = "", ""
        volume.held_until = at + state.habits.detach_lag_seconds


def _settle_snapshots(state: CloudState, now: float) -> Iterator[str]:
    for snapshot in state.snapshots.values():
        if snapshot.settles_at <= now:
            snapshot.settles_at = NEVER
            snapshot.ready = not snapshot.failed
            yield f"{snapshot.id} is ready" if snapshot.ready else f"{snapshot.id} failed"


def _settle_captures(state: CloudState, now: float) -> Iterator[str]:
    for capture in state.captures.values():
        if capture.settles_at <= now:
            capture.settles_at = NEVER
            capture.ready = not capture.failed
            yield f"{capture.id} is ready" if capture.ready else f"{capture.id} failed"
