"""What an autopsy is about: the dead instance, the new one, and the helper that reads for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from releve.errors import StepHalted
from releve.model.identity import helper_name
from releve.model.resources import Instance, Role
from releve.model.run import Output, RunInput
from releve.ports.access import Door
from releve.recovery.report.reading import read_outputs
from releve.recovery.subject import find_ours, host_keys_from, is_off, make_door
from releve.workflow.step import StepContext

MOUNT: Final = "/mnt/releve-dead"  # on the helper
AUTOPSY_MODE: Final = "autopsy"  # a run that is nothing else
SALVAGE_MODE: Final = "salvage"
PYTHON: Final = ("python3", "-I", "-S", "-B")  # quick to start, deaf to what a guest has set
RECOVERY: Final = "of"  # in the options of a run of its own: the recovery that it looks back at


@dataclass(frozen=True)
class Case:
    recovery: str  # the run whose old instance is dead
    dead: str  # instance ids
    dead_name: str
    new: str
    image: str  # that both were made from, as far as the plan says
    door: Door  # to the new instance
    said: tuple[str, ...]  # the kernel's last lines while it still ran


def recovery_of(run: RunInput) -> str:
    return str(run.options.get(RECOVERY) or run.run_id)


def looks_back(run: RunInput) -> bool:
    """Whether it is a run of its own, after the recovery."""
    return bool(run.options.get(RECOVERY))


def case_of(context: StepContext) -> Case:
    """From what the recovery itself recorded."""
    recovery = recovery_of(context.run)
    outputs = _outputs_of(context, recovery)
    try:
        before, access = outputs["preconditions"], outputs["await_access"]
        new = str(outputs["create_instance"]["instance_id"])
        return Case(
            recovery=recovery,
            dead=str(before["old_instance"]["id"]),
            dead_name=str(before["old_instance"]["name"]),
            new=new,
            image=str(before["image"]["id"]),
            door=make_door(
                context.run,
                address=str(access["address"]),
                host_keys=host_keys_from(access["host_keys"]),
                known_as=new,
            ),
            said=tuple(str(line) for line in outputs.get("confirm", {}).get("kernel", ())),
        )
    except KeyError as error:
        raise StepHalted(
            f"run {recovery} does not say which instance is dead and which is new",
            why=f"its journal has no {error}",
            remedy="Only a recovery that reached its end can be looked back at",
        ) from error


def _outputs_of(context: StepContext, recovery: str) -> Mapping[str, Output]:
    if recovery == context.run.run_id:
        return context.outputs
    return read_outputs(context.outside.journal.read_events(recovery))


def read_dead_instance(context: StepContext, case: Case) -> Instance:
    """Proven off and in quarantine just now; it is never started or changed."""
    instance = context.outside.provider.get_instance(case.dead)
    labels = instance.labels
    if (labels.get("releve.role"), labels.get("releve.run")) != (
        Role.QUARANTINED.value,
        case.recovery,
    ):
        raise StepHalted(
            f"{instance.name} is not the quarantined instance of run {case.recovery} any more",
            why=f"its labels say {labels.get('releve.role')!r}, run {labels.get('releve.run')!r}",
            remedy="Find out who took it out of quarantine",
        )
    if not is_off(instance):
        raise StepHalted(
            f"{instance.name} is {instance.power.value}, though it is quarantined",
            why="the disk of a running instance changes while it is read",
            remedy="Find out who started it, stop it at the provider",
        )
    return instance


def find_helper(context: StepContext) -> Instance | None:
    """The helper that this run made, by name and labels; Ambiguous when there are two."""
    name = helper_name(context.run.host, context.run.run_id)
    remedy = "Delete them at the provider: they hold nothing of their own"
    return find_ours(context, name, remedy=remedy)


def door_to_helper(context: StepContext) -> Door:
    access = context.output_of("autopsy_helper")
    return make_door(
        context.run,
        address=str(access["address"]),
        host_keys=host_keys_from(access["host_keys"]),
        known_as=str(access["instance_id"]),
    )
