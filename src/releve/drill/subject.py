"""What the steps of one drill speak about: its twins, their volumes, and the doors in."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from releve.errors import Ambiguous, Missing
from releve.model.identity import instance_name
from releve.model.resources import Instance, InstanceRequest, Role, Volume
from releve.model.run import Output, RunInput
from releve.plan.types import DrillPlan, DrillVolumes
from releve.ports.access import Door
from releve.ports.provider import Provider
from releve.recovery.subject import (
    door_to_new_instance,
    host_keys_from,
    labels_of,
    make_door,
    plan_of,
    require_ours,
)
from releve.workflow.step import StepContext


class Twin(StrEnum):
    FIRST = "first"  # made from base image and playbooks; all that is said of the drill is of it
    SECOND = "second"  # made the same way, to tell what differs by itself
    AGED = "aged"  # made from the first one's image, or the first one itself


def drill_of(run: RunInput) -> DrillPlan:
    return plan_of(run).drill


def twin_name(run: RunInput, twin: Twin) -> str:
    name = instance_name(run.host, run.run_id)
    return name if twin is Twin.FIRST else f"{name}-{twin.value}"


def image_name(run: RunInput) -> str:
    return instance_name(run.host, run.run_id)


def volume_names(run: RunInput, twin: Twin) -> dict[str, str]:
    """Name in the plan to the name of that twin's volume; valid on every provider."""
    return {
        name: f"{twin_name(run, twin)}-{number}-{_plain(name)}"
        for number, name in enumerate(plan_of(run).volumes, start=1)
    }


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:12]


def own_labels(run: RunInput) -> dict[str, str]:
    """What every resource of this drill carries, and no other resource does."""
    return {"releve.run": run.run_id, "releve.role": Role.TWIN.value}


def find_twin(context: StepContext, twin: Twin) -> Instance | None:
    name = twin_name(context.run, twin)
    found = context.outside.provider.find_instances(name=name)
    if len(found) > 1:
        raise Ambiguous(
            f"{len(found)} instances are called {name}",
            why=", ".join(sorted(instance.id for instance in found)),
            remedy="Delete all but one at the provider",
        )
    for instance in found:
        require_ours(instance, run=context.run)
        return instance
    return None


def request_twin(
    context: StepContext, twin: Twin, *, image_id: str, start: bool = True
) -> InstanceRequest:
    plan = plan_of(context.run)
    return InstanceRequest(
        name=twin_name(context.run, twin),
        image_id=image_id,
        size=plan.size,
        network=plan.network,
        labels=labels_of(context.run, Role.TWIN),
        authorized_keys=context.outside.access.public_keys(tuple(plan.ssh.identity_files)),
        start=start,
        isolated=True,
        volumes=to_be_attached(context.run),
    )


def to_be_attached(run: RunInput) -> tuple[str, ...]:
    """Where clones of these will lie, the twin must be."""
    if drill_of(run).volumes is not DrillVolumes.CLONE:
        return ()
    return tuple(volume.id for volume in plan_of(run).volumes.values())


def twin_id(context: StepContext, twin: Twin) -> str:
    created = {Twin.FIRST: "create_instance"}.get(twin, f"create_{twin.value}")
    return str(context.output_of(created)["instance_id"])


def door_to_twin(context: StepContext, twin: Twin) -> Door:
    if twin is Twin.FIRST:
        return door_to_new_instance(context)
    access = context.output_of(f"reach_{twin.value}")
    return make_door(
        context.run,
        address=str(access["address"]),
        host_keys=host_keys_from(access["host_keys"]),
        known_as=twin_id(context, twin),
    )


def read_twin_volumes(context: StepContext, twin: Twin) -> dict[str, Volume]:
    """Name in the plan to that twin's volume, for those that are there."""
    names = volume_names(context.run, twin)
    found: dict[str, Volume] = {}
    by_name = {name: key for key, name in names.items()}
    for volume in context.outside.provider.find_volumes(own_labels(context.run)):
        key = by_name.get(volume.name)
        if key and key in found:
            raise Ambiguous(
                f"two volumes are called {volume.name}",
                why=f"{found[key].id} and {volume.id}",
                remedy="Delete one of them at the provider",
            )
        if key:
            found[key] = volume
    return found


def base_image(context: StepContext) -> Mapping[str, Any]:
    image: Mapping[str, Any] = context.output_of("preconditions")["image"]
    return image


def why_left_out(context: StepContext) -> str:
    """Why nothing more is to be learned of the twin; empty: the playbook made it."""
    converged: Output = context.outputs.get("converge", {})
    return "" if converged.get("succeeded") else "the playbook did not make the host"


def read_or_none(provider: Provider, instance_id: str) -> Instance | None:
    try:
        return provider.get_instance(instance_id)
    except Missing:
        return None
