"""What the autopsy's steps left of the dead disk, and of what came back."""

from collections.abc import Mapping
from typing import Any, Final

from releve.model.finding import Tier
from releve.recovery.report.autopsy_types import (
    DiskErrorFacts,
    DiskFacts,
    LastWords,
    LogLine,
    Lost,
    NotDone,
    Recount,
)
from releve.recovery.report.reading import (
    Fields,
    as_fields,
    read_items,
    read_number,
    read_text,
    read_time,
)
from releve.recovery.report.types import (
    Autopsy,
    InstanceFacts,
)

PREFIX: Final = "autopsy_"
_FAILED: Final = "failed"
_MOST_LINES: Final = 60
_NOTHING: Final[Fields] = {}

Outputs = Mapping[str, Fields]


def find_autopsy(outputs: Outputs, *, run_id: str) -> Autopsy | None:
    """None where no step of an autopsy has ended yet."""
    made = {step: fields for step, fields in outputs.items() if step.startswith(PREFIX)}
    if not made:
        return None
    disk = made.get("autopsy_disk", _NOTHING)
    identity = read_text(disk, "instance_id")
    return Autopsy(
        run_id=run_id,
        instance=InstanceFacts(identity, read_text(disk, "name")) if identity else None,
        disk=_read_disk(made),
        words=_read_words(made.get("autopsy_words", _NOTHING)),
        recount=_read_recount(made.get("autopsy_compare", _NOTHING)),
        not_done=tuple(
            NotDone(step, read_text(fields, _FAILED))
            for step, fields in made.items()
            if fields.get(_FAILED)
        ),
    )


def _read_disk(made: Outputs) -> DiskFacts | None:
    disk, proof = made.get("autopsy_disk", _NOTHING), made.get("autopsy_proof", _NOTHING)
    if not disk or disk.get(_FAILED):
        return None
    on_helper = made.get("autopsy_attach", _NOTHING)  # where only the helper could read it
    block = as_fields(disk.get("superblock") or on_helper.get("superblock"))
    after = read_text(proof, "digest")
    return DiskFacts(
        filesystem=read_text(disk, "filesystem") or read_text(on_helper, "filesystem"),
        state=read_text(block, "state"),
        error_count=_count(block, "error_count"),
        first_error=_read_error(block, "first_error"),
        last_error=_read_error(block, "last_error"),
        mounted_at=read_time(block, "mounted_at"),
        written_at=read_time(block, "written_at"),
        journal=read_text(block, "journal"),
        notes=_read_texts(block, "notes"),
        digest=after or read_text(disk, "digest"),
        is_proven_unchanged=bool(after) and after == read_text(disk, "digest"),
        why=read_text(proof, "why") or read_text(proof, _FAILED) or read_text(disk, "why"),
    )


def _read_error(block: Fields, key: str) -> DiskErrorFacts | None:
    error = as_fields(block.get(key))
    if not error:
        return None
    return DiskErrorFacts(
        at=read_time(error, "at"),
        function=read_text(error, "function"),
        line=_count(error, "line"),
        error=read_text(error, "error"),
        block=_count(error, "block"),
        inode=_count(error, "inode"),
    )


def _read_words(words: Fields) -> LastWords | None:
    if not words or words.get(_FAILED):
        return None
    scan = as_fields(words.get("last_scan"))
    return LastWords(
        kernel=_read_lines(words, "kernel"),
        while_it_ran=_read_texts(words, "while_it_ran"),
        complaints=_read_lines(words, "complaints"),
        source=read_text(words, "source"),
        why=read_text(words, "why"),
        scanned_at=read_time(scan, "taken_at"),
        active_units=_count(scan, "active"),
        failed_units=_read_texts(scan, "failed"),
    )


def _read_lines(words: Fields, key: str) -> tuple[LogLine, ...]:
    return tuple(
        LogLine(read_time(line, "at"), read_text(line, "unit"), read_text(line, "text"))
        for line in read_items(words, key)[-_MOST_LINES:]
    )


def _read_recount(compared: Fields) -> Recount | None:
    if not compared or compared.get(_FAILED):
        return None
    tiers = as_fields(compared.get("tiers"))
    return Recount(
        came_back=_count(compared, "came_back"),
        noise=_count(compared, "noise"),
        changed=_count(compared, "changed"),
        missing=_count(compared, "missing"),
        unknown=_count(compared, "unknown"),
        facts=_count(compared, "facts"),
        only_new=_count(compared, "only_new"),
        finding_count=_count(compared, "finding_count"),
        data_at_risk=_count(tiers, Tier.DATA_AT_RISK.value),
        findings=tuple(_read_lost(item) for item in read_items(compared, "findings")),
    )


def _read_lost(item: Fields) -> Lost:
    return Lost(
        fingerprint=read_text(item, "fingerprint"),
        title=read_text(item, "title"),
        tier=read_text(item, "tier"),
        status=read_text(item, "status"),
        cause=read_text(item, "cause"),
        subject=read_text(item, "subject"),
        deviations=_count(item, "deviations"),
    )


def _count(fields: Fields, key: str) -> int:
    return int(min(read_number(fields, key), 2**63))


def _read_texts(fields: Fields, key: str) -> tuple[str, ...]:
    value: Any = fields.get(key)
    if not isinstance(value, list | tuple):
        return ()
    return tuple(str(text)[:300] for text in value[:_MOST_LINES])
