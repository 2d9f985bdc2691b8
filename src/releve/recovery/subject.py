"""What the steps of one run speak about: the host's plan, its instances, and the door in."""

from collections.abc import Mapping
from typing import Any

from releve.errors import Ambiguous, StepHalted
from releve.model.identity import instance_name
from releve.model.resources import HostKey, Instance, Labels, Power, Role, Volume
from releve.model.run import RunInput
from releve.plan.types import HostPlan, SshPlan
from releve.ports.access import Door
from releve.ports.checker import Vantage
from releve.workflow.step import StepContext


def plan_of(run: RunInput) -> HostPlan:
    return HostPlan.model_validate(run.plan["host"])


def labels_of(run: RunInput, role: Role, *, expires: str = "") -> Labels:
    return Labels(host=run.host, run=run.run_id, epoch=run.epoch, role=role, expires=expires)


def old_instance_id(context: StepContext) -> str:
    return str(context.output_of("preconditions")["old_instance"]["id"])


def read_old_instance(context: StepContext) -> Instance:
    return context.outside.provider.get_instance(old_instance_id(context))


def read_marked_instance(context: StepContext) -> Instance:
    """The old instance under this run's mark; StepHalted when another run has put its own."""
    instance = read_old_instance(context)
    owner = instance.labels.get("releve.run", "")
    if owner != context.run.run_id:
        raise StepHalted(
            f"the old instance {instance.name} does not carry this run's mark any more",
            why=f"its label releve.run is {owner!r}, epoch {instance.labels.get('releve.epoch')!r}",
            remedy="let the run that it names end, or set its labels back; then resume this one",
        )
    return instance


def require_fenced(context: StepContext) -> Instance:
    """The old instance, proven off just now; StepHalted when it came back."""
    instance = read_marked_instance(context)
    if not is_off(instance):
        raise StepHalted(
            f"the old instance {instance.name} is {instance.power.value} again after its fence",
            why="its volumes and its address must not move while it can act",
            remedy="Find out who started it, stop it at the provider",
        )
    return instance


def is_off(instance: Instance) -> bool:
    return instance.power is Power.STOPPED and not instance.busy


def find_new_instance(context: StepContext) -> Instance | None:
    """The instance this run made, found by name and labels; Ambiguous when there are two."""
    name = instance_name(context.run.host, context.run.run_id)
    return find_ours(context, name, remedy="Keep the right one, rename the others at the provider")


def find_ours(context: StepContext, name: str, *, remedy: str) -> Instance | None:
    """The one of this name, which must be this run's; Ambiguous, with the remedy, for two."""
    found = context.outside.provider.find_instances(name=name)
    if len(found) > 1:
        raise Ambiguous(
            f"{len(found)} instances are called {name}",
            why=", ".join(sorted(instance.id for instance in found)),
            remedy=remedy,
        )
    for instance in found:
        require_ours(instance, run=context.run)
        return instance
    return None


def require_ours(instance: Instance, *, run: RunInput) -> None:
    if instance.labels.get("releve.run") != run.run_id:
        raise StepHalted(
            f"an instance called {instance.name} exists and is not of this run",
            why=f"its label releve.run is {instance.labels.get('releve.run', '')!r}",
            remedy="Rename it at the provider",
        )


def new_instance_id(context: StepContext) -> str:
    return str(context.output_of("create_instance")["instance_id"])


def read_new_instance(context: StepContext) -> Instance:
    """The new instance, which must still carry this run's labels."""
    instance = context.outside.provider.get_instance(new_instance_id(context))
    require_ours(instance, run=context.run)
    return instance


def read_volumes(context: StepContext) -> dict[str, Volume]:
    """Name in the plan to the volume as the provider has it now."""
    return {
        name: context.outside.provider.get_volume(volume.id)
        for name, volume in plan_of(context.run).volumes.items()
    }


def holders_of(volume: Volume) -> set[str]:
    return {attachment.instance_id for attachment in volume.attachments}


def require_no_stranger(volume: Volume, allowed: set[str]) -> None:
    strangers = holders_of(volume) - allowed
    if strangers:
        raise StepHalted(
            f"volume {volume.id} is attached to {', '.join(sorted(strangers))}",
            why="that instance has no part in this run; somebody attached it meanwhile",
            remedy="Detach it there if that is safe",
        )


def door_to_new_instance(context: StepContext) -> Door:
    """Only to be asked for once await_access has proven the host keys."""
    access = context.output_of("await_access")
    return make_door(
        context.run,
        address=str(access["address"]),
        host_keys=host_keys_from(access["host_keys"]),
        known_as=new_instance_id(context),
    )


def make_door(
    run: RunInput, *, address: str, host_keys: tuple[HostKey, ...], known_as: str
) -> Door:
    ssh = plan_of(run).ssh
    return door_by_plan(ssh, address=address, host_keys=host_keys, known_as=known_as)


def door_by_plan(
    ssh: SshPlan, *, address: str, host_keys: tuple[HostKey, ...], known_as: str
) -> Door:
    return Door(
        address=address,
        port=ssh.port,
        user=ssh.user,
        host_keys=host_keys,
        identity_files=tuple(ssh.identity_files),
        known_as=known_as,
    )


def host_keys_from(recorded: list[Mapping[str, Any]]) -> tuple[HostKey, ...]:
    return tuple(HostKey(algorithm=key["algorithm"], public=key["public"]) for key in recorded)


def instance_vantage(context: StepContext) -> Vantage:
    door = door_to_new_instance(context)
    return Vantage(
        name="instance", address=door.address, door=door, repository=context.run.repository
    )


def public_vantage(run: RunInput, door: Door | None) -> Vantage:
    return Vantage(
        name="public address",
        address=plan_of(run).address,
        door=door,
        repository=run.repository,
    )
