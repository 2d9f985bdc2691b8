"""What the steps' outputs say was moved, kept and proven."""

from collections.abc import Mapping

from releve.recovery.report.reading import (
    Fields,
    as_fields,
    read_items,
    read_number,
    read_seconds,
    read_text,
    read_time,
)
from releve.recovery.report.types import (
    AddressMove,
    CheckFound,
    CheckLine,
    InstanceFacts,
    Moves,
    QuarantineFacts,
    SnapshotFacts,
    VolumeMove,
)

NOTHING: Fields = {}

Outputs = Mapping[str, Fields]


def find_moves(outputs: Outputs, *, planned_image: str) -> Moves:
    taken = outputs.get("snapshot_volumes", NOTHING)
    return Moves(
        old_instance=_read_instance(_before(outputs).get("old_instance"), key="id"),
        new_instance=_read_instance(outputs.get("create_instance"), key="instance_id"),
        image=read_text(as_fields(_before(outputs).get("image")), "name") or planned_image,
        volumes=_read_volumes(outputs),
        address=_read_address(outputs),
        snapshots=tuple(
            SnapshotFacts(
                read_text(item, "id"), read_text(item, "volume_id"), read_text(item, "name")
            )
            for item in read_items(taken, "snapshots")
        ),
        snapshots_skipped=read_text(taken, "skipped"),
        quarantine=_read_quarantine(outputs),
    )


def _before(outputs: Outputs) -> Fields:
    return outputs.get("preconditions", NOTHING)


def _read_instance(value: object, *, key: str) -> InstanceFacts | None:
    fields = as_fields(value)
    identity = read_text(fields, key)
    return InstanceFacts(identity, read_text(fields, "name") or identity) if identity else None


def _read_volumes(outputs: Outputs) -> tuple[VolumeMove, ...]:
    mounted = {
        read_text(item, "name"): item
        for item in read_items(outputs.get("mount_volumes", NOTHING), "volumes")
    }
    return tuple(
        _describe_volume(item, mounted.get(read_text(item, "name"), NOTHING))
        for item in read_items(_before(outputs), "volumes")
    )


def _describe_volume(planned: Fields, mounted: Fields) -> VolumeMove:
    size = read_number(planned, "size_bytes") or read_number(mounted, "size_bytes")
    uuid = read_text(mounted, "filesystem_uuid") or read_text(planned, "filesystem_uuid")
    return VolumeMove(
        name=read_text(planned, "name"),
        id=read_text(planned, "id"),
        size_bytes=int(size),
        filesystem_uuid=uuid,
        mount_point=read_text(planned, "mount_point"),
        moved=bool(mounted),
    )


def _read_address(outputs: Outputs) -> AddressMove | None:
    moved = outputs.get("cut_over", NOTHING)
    address = read_text(moved, "address") or read_text(_before(outputs), "address")
    return AddressMove(address, moved=bool(moved)) if address else None


def _read_quarantine(outputs: Outputs) -> QuarantineFacts | None:
    kept = outputs.get("quarantine", NOTHING)
    instance = _read_instance(kept, key="instance_id")
    return QuarantineFacts(instance, read_time(kept, "expires")) if instance else None


def pair_checks(outputs: Outputs) -> tuple[CheckLine, ...]:
    """Each declared check with what was found of it; alike names are paired in their order."""
    before = _read_checks(outputs, "confirm")
    inside = _read_checks(outputs, "verify")
    outside = _read_checks(outputs, "verify_outside")
    keys = list(dict.fromkeys([*inside, *outside, *before]))
    return tuple(
        CheckLine(key[0], before=before.get(key), inside=inside.get(key), outside=outside.get(key))
        for key in keys
    )


def _read_checks(outputs: Outputs, step: str) -> dict[tuple[str, int], CheckFound]:
    found: dict[tuple[str, int], CheckFound] = {}
    for item in read_items(outputs.get(step, NOTHING), "checks"):
        name = read_text(item, "name")
        number = sum(known == name for known, _ in found)
        found[(name, number)] = CheckFound(
            passed=item.get("passed") is True,
            reason=read_text(item, "reason"),
            seconds=read_seconds(item),
        )
    return found
