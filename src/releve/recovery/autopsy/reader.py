"""A helper instance, apart from every host, that may read the dead disk; gone when it has."""

from dataclasses import asdict
from typing import ClassVar

from releve.errors import StepHalted, Unreachable
from releve.model.identity import helper_name
from releve.model.resources import Instance, InstanceRequest, Port, Power, Role
from releve.model.run import EventKind, Phase, RunInput
from releve.recovery.autopsy.autopsy_step import AutopsyStep
from releve.recovery.autopsy.case import MOUNT, Case, case_of, find_helper, read_dead_instance
from releve.recovery.autopsy.disk_on_helper import ask_helper
from releve.recovery.leftover_port import find_leftover_port
from releve.recovery.subject import labels_of, make_door, plan_of
from releve.workflow.step import FAILED, Done, Pending, Sight, Step, StepContext, Todo

LOGIN_SECONDS = 15.0


class StartHelper(AutopsyStep):
    name = "autopsy_helper"
    cell = "A02"
    needs: ClassVar[tuple[str, ...]] = ("close",)
    deadline_seconds = 600.0
    poll_seconds = 0.2

    def describe(self, run: RunInput) -> str:
        return f"create the helper {helper_name(run.host, run.run_id)}, on a network apart"

    def look_closer(self, context: StepContext) -> Sight:
        helper = find_helper(context)
        if helper is None:
            return Todo("no helper of this run yet")
        if helper.power is Power.ERROR:
            raise StepHalted(
                f"the helper {helper.name} ended in the provider's error state",
                remedy="See the provider's message for it",
            )
        if helper.power is Power.STOPPED and not helper.busy:
            return Todo(f"{helper.name} is made but not started")
        if helper.power is not Power.RUNNING or helper.busy or not helper.private_address:
            return Pending(f"{helper.name} is {helper.busy or helper.power.value}")
        return log_in(context, helper)

    def act(self, context: StepContext) -> Sight:
        run, plan = context.run, plan_of(context.run)
        request = InstanceRequest(
            name=helper_name(run.host, run.run_id),
            image_id=case_of(context).image,
            size=plan.size,
            network=plan.network,
            labels=labels_of(run, Role.HELPER),
            authorized_keys=context.outside.access.public_keys(tuple(plan.ssh.identity_files)),
            isolated=True,
        )
        context.outside.provider.create_instance(request)
        return Pending("helper asked for")


class StartHelperAlone(StartHelper):
    """In a run that is nothing but an autopsy."""

    needs = ()


class AttachDisk(AutopsyStep):
    name = "autopsy_attach"
    cell = "A03"
    needs = ("autopsy_disk", "autopsy_helper")
    builds_on = ("autopsy_helper",)
    deadline_seconds = 3600.0  # where the provider copies the disk
    acts_at_most = 4  # attach, mount; each may have to be sent twice

    def describe(self, run: RunInput) -> str:
        del run
        return "let the helper read the dead disk: read-only, its journal not replayed"

    def look_closer(self, context: StepContext) -> Sight:
        case = case_of(context)
        helper = require_helper(context)
        if case.dead not in helper.system_disks:
            read_dead_instance(context, case)
            return Todo(f"{helper.name} does not read the disk of {case.dead_name} yet")
        reads, serial = f"{helper.name} reads the disk of {case.dead_name}", serial_of(helper, case)
        if not serial:
            return Done(reads, {"root": MOUNT})
        seen = ask_helper(context, serial, mount=False)
        if not seen.pop("mounted"):
            return Todo(f"{helper.name} has the disk and has not mounted it", target="mount")
        return Done(reads, {"root": MOUNT, **seen})

    def act(self, context: StepContext) -> Sight:
        case = case_of(context)
        dead = read_dead_instance(context, case)
        helper = require_helper(context)
        if serial := serial_of(helper, case):
            ask_helper(context, serial, mount=True)
            return Pending("mounted; it is read back")
        context.outside.provider.attach_system_disk(dead.id, helper.id, mount_point=MOUNT)
        return Pending("attach asked for")


class RemoveHelper(AutopsyStep):
    """Looks for itself what there is to remove, whatever came of the steps before."""

    name = "autopsy_clean"
    cell = "A08"
    needs: ClassVar[tuple[str, ...]] = (
        "autopsy_words",
        "autopsy_scan",
        "autopsy_compare",  # which still reads files through it
    )
    acts_at_most = 8  # detach, stop, delete, a port; each may have to be sent twice

    def describe(self, run: RunInput) -> str:
        del run
        return "take the dead disk from the helper, and delete the helper"

    def look_closer(self, context: StepContext) -> Sight:
        return look_at_helper(context)

    def act(self, context: StepContext) -> Sight:
        return remove_helper(context)


class RemoveHelperAfterSalvage(RemoveHelper):
    needs = ("salvage_files",)


class UndoHelper(Step):
    """First of an undo: the old instance must not start while a helper reads its disk."""

    name = "undo_helper"
    phase = Phase.UNDO
    cell = "U05"
    acts_at_most = 8

    def describe(self, run: RunInput) -> str:
        del run
        return "take the old disk from the autopsy's helper, and delete the helper"

    def look(self, context: StepContext) -> Sight:
        return look_at_helper(context)

    def act(self, context: StepContext) -> Sight:
        return remove_helper(context)


def log_in(context: StepContext, helper: Instance) -> Sight:
    """The first word only once its host keys were read through the provider."""
    host_keys = context.outside.provider.read_host_keys(helper.id)
    if not host_keys:
        return Pending("the helper's host keys are not there yet")
    door = make_door(
        context.run,
        address=helper.private_address,
        host_keys=host_keys,
        known_as=helper.id,
    )
    try:
        context.outside.access.try_login(door, timeout_seconds=LOGIN_SECONDS)
    except Unreachable as error:
        return Pending(f"no shell on the helper yet: {error}")
    return Done(
        f"{helper.name} takes commands under {len(host_keys)} proven host key(s)",
        {
            "instance_id": helper.id,
            "name": helper.name,
            "address": helper.private_address,
            "host_keys": [asdict(key) for key in host_keys],
        },
    )


def serial_of(helper: Instance, case: Case) -> str:
    """Of the block device; empty where it has none, or the provider mounts it."""
    return helper.disk_serials.get(case.dead, "")


def require_helper(context: StepContext) -> Instance:
    helper = find_helper(context)
    if helper is None:
        raise StepHalted("the helper is gone", remedy="Repeat the autopsy")
    return helper


def look_at_helper(context: StepContext) -> Sight:
    helper = find_settled(context)
    if helper is None and find_port(context) is not None:
        return Todo("a port that no helper got is there", target="port")
    if helper is None:
        return Done("there is no helper", {"helper": ""})
    act = next_to_remove(helper)
    if act == "settle":
        return Pending(f"{helper.name} is {helper.busy or helper.power.value}")
    return Todo(f"{helper.name}: still to {act}", target=act)


def remove_helper(context: StepContext) -> Sight:
    helper, provider = find_helper(context), context.outside.provider
    if helper is None:
        port = find_port(context)
        if port is not None:
            provider.delete_port(port.id)
        return Pending("the helper is gone")
    act = next_to_remove(helper)
    if act == "detach":
        provider.detach_system_disk(helper.system_disks[0], helper.id)
    elif act == "stop":
        provider.stop_instance(helper.id)
    elif act == "delete":
        provider.delete_instance(helper.id)
    return Pending(f"{act} sent; it is read back")


def find_port(context: StepContext) -> Port | None:
    return find_leftover_port(context, helper_name(context.run.host, context.run.run_id))


def next_to_remove(helper: Instance) -> str:
    """The next act: detach the disk, stop, delete; settle: wait."""
    if helper.busy or helper.power is Power.CHANGING:
        return "settle"
    if helper.system_disks:
        return "detach"
    return "stop" if helper.power is Power.RUNNING else "delete"


def find_settled(context: StepContext) -> Instance | None:
    """Look twice where a create was sent and never seen: a list may lag behind it."""
    helper = find_helper(context)
    settle = context.outside.provider.capabilities.settle_seconds
    if helper is None and settle and _was_created_unseen(context):
        for pause in (settle, 3 * settle):
            context.outside.clock.sleep(pause)
            helper = helper or find_helper(context)
    return helper


def _was_created_unseen(context: StepContext) -> bool:
    """Whether a create was sent by the helper's step, which has not seen it run."""
    ended = context.outputs.get(StartHelper.name)
    if ended is not None and FAILED not in ended:
        return False
    return any(
        event.step == StartHelper.name and event.kind is EventKind.INTENT
        for event in context.outside.journal.read_events(context.run.run_id)
    )
