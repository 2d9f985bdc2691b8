"""What must hold for the volumes of a host before they are moved; reads only."""

from collections.abc import Iterable, Iterator

from releve.errors import Missing
from releve.model.resources import Instance, Volume
from releve.plan.problems import Place, Problem, offer, show_word, suggest
from releve.plan.sizes import format_size, parse_size
from releve.plan.types import HostPlan, VolumePlan
from releve.ports.provider import Provider


def list_volume_problems(
    plan: HostPlan, provider: Provider, *, instance: Instance | None, place: Place
) -> Iterator[Problem]:
    """Each volume exists, is the planned one, and is on this instance or on none.

    Without an instance, what a volume is attached to is not judged.
    """
    for name, planned in plan.volumes.items():
        at = (*place, "volumes", name)
        try:
            volume = provider.get_volume(planned.id)
        except Missing:
            yield _word_missing_volume(planned, provider, plan=plan, place=at)
            continue
        yield from _judge_identity(planned, volume, place=at)
        if instance:
            yield from _judge_attachment(volume, provider, instance=instance, place=at)


def _word_missing_volume(
    planned: VolumePlan, provider: Provider, *, plan: HostPlan, place: Place
) -> Problem:
    volumes = provider.list_volumes()
    known = [volume.id for volume in volumes]
    named = [volume.id for volume in volumes if volume.name == planned.id]
    others = {volume.id for volume in plan.volumes.values()}
    free = [volume_id for volume_id in known if volume_id not in others]
    return Problem(
        f"there is no volume {show_word(planned.id)}",
        f"that is the name of {join_names(named)}, and a plan names a volume by its id"
        if named
        else f"the provider has {join_names(known) or 'none'}",
        offer(named)
        or suggest(planned.id, free, otherwise="write the id as the provider shows it"),
        (*place, "id"),
    )


def _judge_identity(planned: VolumePlan, volume: Volume, *, place: Place) -> Iterator[Problem]:
    if planned.size and volume.size_bytes and parse_size(planned.size) != volume.size_bytes:
        yield Problem(
            f"volume {show_word(planned.id)} has another size than planned",
            f"the plan says {planned.size}, the provider {format_size(volume.size_bytes)}",
            "make sure that it is the right volume, then correct its id or its size",
            (*place, "size"),
        )
    actual = volume.filesystem_uuid
    if planned.uuid and actual and planned.uuid.lower() != actual.lower():
        yield Problem(
            f"volume {show_word(planned.id)} holds another file system than planned",
            f"the plan says UUID {planned.uuid}, the provider {show_word(actual)}",
            "make sure that it is the right volume, then correct its id or its uuid",
            (*place, "uuid"),
        )


def _judge_attachment(
    volume: Volume, provider: Provider, *, instance: Instance, place: Place
) -> Iterator[Problem]:
    strangers = sorted({held.instance_id for held in volume.attachments} - {instance.id})
    if strangers:
        names = [name_instance(provider, stranger) for stranger in strangers]
        yield Problem(
            f"volume {show_word(volume.id)} is attached to {join_names(names)}",
            f"it must be on {show_word(instance.name)} or on no instance: another host may use it",
            "detach it there if that is safe, or correct the volume's id",
            (*place, "id"),
        )
    elif volume.state not in {"available", "in-use"}:
        yield Problem(
            f"volume {show_word(volume.id)} is in the state {show_word(volume.state)}",
            "a volume moves only when it is available or in use",
            "wait until the provider is done with it, or repair it there",
            (*place, "id"),
        )


def name_instance(provider: Provider, instance_id: str) -> str:
    try:
        return provider.get_instance(instance_id).name
    except Missing:
        return instance_id


def join_names(names: Iterable[str]) -> str:
    """At most ten, in order, as a message shows them."""
    shown = [show_word(name) for name in names]
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")
