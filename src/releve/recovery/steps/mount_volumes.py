"""Identify each volume on the new instance by id, UUID and size, and only then mount it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from releve.errors import CommandFailed, StepHalted
from releve.model.resources import Volume
from releve.model.run import Phase, RunInput
from releve.ports.access import Door
from releve.recovery.subject import (
    door_to_new_instance,
    new_instance_id,
    plan_of,
    read_volumes,
    require_fenced,
)
from releve.workflow.step import Done, Sight, Step, StepContext, Todo

GUEST_SECONDS = 120.0
MOST_OWNERS = 201


@dataclass(frozen=True)
class Guest:
    instance_id: str
    door: Door


class MountVolumes(Step):
    name = "mount_volumes"
    phase = Phase.MOVE
    cell = "S14"
    needs = ("attach_volumes", "await_access")

    def describe(self, run: RunInput) -> str:
        mounts = ", ".join(volume.mount for volume in plan_of(run).volumes.values())
        return f"identify each volume by id, UUID and size, then mount it ({mounts or 'none'})"

    def look(self, context: StepContext) -> Sight:
        seen = ask_guest(context, mount=False)
        require_identity(context, seen)
        if not all(volume["mounted"] for volume in seen):
            return Todo("identified, not mounted yet")
        return Done(f"{len(seen)} volume(s) identified and mounted", {"volumes": seen})

    def act(self, context: StepContext) -> Sight:
        require_fenced(context)
        seen = ask_guest(context, mount=True)
        require_identity(context, seen)
        return Done(
            f"{len(seen)} volume(s) identified and mounted", {"volumes": seen, "after_boot": True}
        )


def ask_guest(context: StepContext, *, mount: bool) -> list[dict[str, Any]]:
    """What the new instance itself says of its volumes; mounts block volumes only if asked to."""
    guest = Guest(new_instance_id(context), door_to_new_instance(context))
    return examine_volumes(context, read_volumes(context), guest=guest, mount=mount)


def examine_volumes(
    context: StepContext, volumes: Mapping[str, Volume], *, guest: Guest, mount: bool
) -> list[dict[str, Any]]:
    """As that guest sees them, under their names in the plan."""
    if not volumes:
        return []
    wanted = describe_wanted(context.run, volumes, holder=guest.instance_id)
    result = context.outside.access.run_command(
        guest.door,
        command=("python3", "-", json.dumps({"mount": mount, "volumes": wanted})),
        stdin=guest_program(),
        timeout_seconds=GUEST_SECONDS,
    )
    if result.exit_code != 0:
        raise CommandFailed(
            "the new instance could not say which volumes it has",
            why=result.stderr.decode(errors="replace").strip()[-500:],
            remedy="Make sure that the image has python3",
        )
    return [
        answer | {"id": volumes[answer["name"]].id}
        for answer in parse_answers(result.stdout, names=tuple(volumes))
    ]


def guest_program() -> bytes:
    return resources.files("releve.recovery").joinpath("guest_volumes.py").read_bytes()


def describe_wanted(
    run: RunInput, volumes: Mapping[str, Volume], *, holder: str
) -> list[dict[str, str]]:
    plan = plan_of(run)
    return [
        {
            "name": name,
            "mount_point": plan.volumes[name].mount,
            "filesystem": plan.volumes[name].filesystem,
            "device_serial": next(
                (item.device_serial for item in volume.attachments if item.instance_id == holder),
                "",
            ),
        }
        for name, volume in volumes.items()
    ]


def parse_answers(stdout: bytes, *, names: Sequence[str]) -> list[dict[str, Any]]:
    """The guest's answers, of the expected shape only; anything else is refused."""
    try:
        answers = json.loads(stdout)
        checked = [check_answer(answer) for answer in answers]
    except (ValueError, TypeError, KeyError) as error:
        raise CommandFailed(
            "the new instance's answer about its volumes cannot be read",
            why=f"{len(stdout)} bytes: {type(error).__name__}",
            remedy="Log in and see what its python3 prints",
        ) from error
    if sorted(answer["name"] for answer in checked) != sorted(names):
        raise CommandFailed(
            "the new instance answered about other volumes than it was asked for",
            remedy="Do not trust this instance; cancel the run",
        )
    return checked


def check_answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    if "problem" in answer:
        raise StepHalted(
            f"volume {str(answer['name'])[:100]} cannot be identified on the new instance",
            why=str(answer["problem"])[:500],
            remedy="Look at the volume by hand; it has not been mounted",
        )
    return {
        "name": str(answer["name"]),
        "device": str(answer["device"])[:200],
        "filesystem_uuid": str(answer["filesystem_uuid"])[:64],
        "size_bytes": int(answer["size_bytes"]),
        "mount_point": str(answer["mount_point"])[:4096],
        "mounted": bool(answer["mounted"]),
        "inner_path": str(answer["inner_path"])[:4096],
        "owners": check_owners(answer.get("owners", {})),
    }


def check_owners(owners: Mapping[str, Any]) -> dict[str, str]:
    some = list(owners.items())[:MOST_OWNERS]
    return {str(name)[:1024]: str(owner)[:32] for name, owner in some}


def require_identity(context: StepContext, seen: Sequence[Mapping[str, Any]]) -> None:
    recorded = {volume["name"]: volume for volume in context.output_of("preconditions")["volumes"]}
    for answer in seen:
        planned = plan_of(context.run).volumes[answer["name"]]
        difference = first_difference(answer, recorded[answer["name"]], planned_uuid=planned.uuid)
        if difference:
            raise StepHalted(
                f"volume {answer['name']} on the new instance is not the recorded one",
                why=difference,
                remedy="Nothing was mounted or written; find out which volume this is",
            )


def first_difference(
    answer: Mapping[str, Any], recorded: Mapping[str, Any], *, planned_uuid: str
) -> str:
    """Why the guest's volume is another than the recorded one; empty: it is the same."""
    uuid = planned_uuid or recorded["filesystem_uuid"]
    if uuid and answer["filesystem_uuid"] and answer["filesystem_uuid"] != uuid:
        return f"its file system UUID is {answer['filesystem_uuid']}, recorded is {uuid}"
    if uuid and not answer["filesystem_uuid"] and answer["inner_path"] == "/":
        return f"its file system has no UUID, recorded is {uuid}"
    size = recorded["size_bytes"]
    if size and not 0.5 * size <= answer["size_bytes"] <= 1.01 * size:
        return f"it holds {answer['size_bytes']} bytes, recorded are {size}"
    volume_name = recorded["id"].rsplit("/", 1)[-1]
    inner = answer["inner_path"]
    directory = inner.rstrip("/").rsplit("/", 1)[-1]  # on LXD: project_volume
    if inner != "/" and directory != volume_name and not directory.endswith(f"_{volume_name}"):
        return f"the provider mounted {inner} there, not {recorded['id']}"
    return ""
