"""Read the dead disk from outside, before anything may touch it and after all is over."""

from dataclasses import asdict
from typing import Any, ClassVar

from releve.errors import StepHalted
from releve.model.resources import SystemDisk
from releve.model.run import RunInput
from releve.recovery.autopsy.autopsy_step import ReadingStep
from releve.recovery.autopsy.case import case_of, read_dead_instance
from releve.scan.superblock import Superblock, read_superblock
from releve.workflow.step import FAILED, Done, StepContext

DIGEST_SECONDS = 3600.0  # a disk is read whole


class ReadDisk(ReadingStep):
    name = "autopsy_disk"
    cell = "A01"
    needs: ClassVar[tuple[str, ...]] = ("close",)
    deadline_seconds = DIGEST_SECONDS

    def describe(self, run: RunInput) -> str:
        del run
        return "read what the dead disk noted of its own failure, and take its checksum"

    def read(self, context: StepContext) -> Done:
        case = case_of(context)
        dead = read_dead_instance(context, case)
        disk = context.outside.provider.read_system_disk(dead.id)
        superblock = read_superblock(disk.superblock)
        return Done(
            tell_first_error(superblock, disk),
            {
                "instance_id": dead.id,
                "name": dead.name,
                "filesystem": superblock.filesystem if superblock else disk.filesystem,
                "superblock": describe_superblock(superblock),
                "digest": disk.digest,
                "why": disk.why[:500],
            },
        )


class ReadDiskAlone(ReadDisk):
    """In a run that is nothing but an autopsy."""

    needs = ()


class ProveUnchanged(ReadingStep):
    name = "autopsy_proof"
    cell = "A09"
    needs = ("autopsy_clean",)
    builds_on = ("autopsy_disk",)
    deadline_seconds = DIGEST_SECONDS

    def describe(self, run: RunInput) -> str:
        del run
        return "take the checksum of the dead disk again: not a byte of it has changed"

    def read(self, context: StepContext) -> Done:
        case = case_of(context)
        before = str(context.output_of("autopsy_disk")["digest"])
        disk = context.outside.provider.read_system_disk(read_dead_instance(context, case).id)
        if not before or not disk.digest:
            why = disk.why or str(context.output_of("autopsy_disk")["why"]) or "nobody can tell why"
            return Done(
                f"its checksum cannot be told: {why}"[:500], {"digest": "", "why": why[:500]}
            )
        if before != disk.digest:
            raise StepHalted(
                f"the disk of {case.dead_name} changed during the autopsy",
                why=f"its sha256 was {before} and is {disk.digest}",
                remedy="Find out what else can write to it; trust nothing that was read meanwhile",
            )
        return Done(f"its bytes are unchanged: sha256 {before}", {"digest": before, "why": ""})


def tell_first_error(superblock: Superblock | None, disk: SystemDisk) -> str:
    if superblock is None:
        return f"its superblock cannot be read: {disk.why or 'no known file system'}"[:500]
    error = superblock.first_error
    if error is None:
        return f"{superblock.filesystem}, {superblock.state or 'state not noted'}, no error noted"
    return (
        f"first error at {error.at or 'an unknown time'} in {error.function or 'no function'}"
        f" line {error.line}{f', {error.error}' if error.error else ''};"
        f" {superblock.error_count} in all"
    )


def describe_superblock(superblock: Superblock | None) -> dict[str, Any]:
    return asdict(superblock) if superblock is not None else {}


def failure_of(context: StepContext, step: str) -> str:
    return str(context.outputs.get(step, {}).get(FAILED, ""))
