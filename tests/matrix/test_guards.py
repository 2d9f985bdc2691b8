"""Each guard of the recovery taken away in turn: the oracle must see what it guarded against.

A guard whose absence nothing notices would be a hole in the tests.
"""

from dataclasses import replace
from pathlib import Path

from releve.model.resources import HostKey, Labels
from releve.recovery.steps.await_access import AwaitAccess
from releve.recovery.steps.create_instance import CreateInstance, request_for
from releve.recovery.steps.cut_over import CutOver
from releve.recovery.steps.detach_volumes import DetachVolumes
from releve.recovery.steps.fence import Fence
from releve.recovery.steps.snapshot_volumes import SnapshotVolumes
from releve.recovery.subject import (
    make_door,
    new_instance_id,
    old_instance_id,
    plan_of,
    read_old_instance,
)
from releve.workflow.step import Done, Pending, Sight, Step, StepContext
from tests.fakes.cloud_state import Habits
from tests.fakes.faults import Fault
from tests.matrix.controller import HABITS, Controller, make_run


def broken_without(directory: Path, *guardless: Step, habits: Habits = HABITS) -> set[str]:
    """The invariants that a recovery with these steps in place of its own breaks."""
    controller = open_controller(directory, *guardless, habits=habits)
    controller.drive()
    return broken_by(controller)


def open_controller(directory: Path, *guardless: Step, habits: Habits = HABITS) -> Controller:
    make_run(directory, habits=habits)
    replaced = {step.name: step for step in guardless}
    return Controller(directory, replaced=replaced)


def needing(name: str, step: Step) -> Step:
    """The step, let loose as soon as that other one is done."""
    step.needs = (name,)  # type: ignore[misc] # of this instance alone
    return step


def broken_by(controller: Controller) -> set[str]:
    controller.cloud.note("closed", {"run": controller.run.run_id}, kind="closed")
    return {text.split()[0] for text in controller.world.oracle.check_all(controller.cloud)}


def test_with_every_guard_nothing_is_broken(tmp_path: Path) -> None:
    assert broken_without(tmp_path) == set()


def test_the_settle_time_before_a_second_create(tmp_path: Path) -> None:
    make_run(tmp_path)
    controller = Controller(tmp_path, settle_seconds=0.0)
    controller.cloud.arm(Fault("create_instance", "timeout_done", hide_seconds=120.0))
    controller.drive()
    assert {"I1", "I8"} <= broken_by(controller)


class CreateWithoutALook(CreateInstance):
    def look(self, context: StepContext) -> Sight:
        """Ends with a create of its own accord, whatever is there."""
        seen = super().look(context)
        if isinstance(seen, Done):
            context.outside.provider.create_instance(request_for(context))
        return seen


def test_the_look_before_a_create(tmp_path: Path) -> None:
    without_ports = replace(HABITS, has_ports=False)
    broken = broken_without(tmp_path, CreateWithoutALook(), habits=without_ports)
    assert {"I1", "I8"} <= broken


def test_the_port_first_keeps_a_second_create_away(tmp_path: Path) -> None:
    assert "I1" not in broken_without(tmp_path, CreateWithoutALook())


class CreateWithoutIdentity(CreateInstance):
    def act(self, context: StepContext) -> Sight:
        request = request_for(context)
        nobody = Labels(host="", run="", epoch=0, role=request.labels.role)
        context.outside.provider.create_instance(replace(request, labels=nobody))
        return Pending("instance asked for")


def test_the_identity_in_the_create_call(tmp_path: Path) -> None:
    assert "I4" in broken_without(tmp_path, CreateWithoutIdentity())


class DetachBeforeTheFence(DetachVolumes):
    def act(self, context: StepContext) -> Sight:
        for volume in plan_of(context.run).volumes.values():
            context.outside.provider.detach_volume(volume.id, old_instance_id(context))
        return Pending("every detach asked for")


def test_the_fence_before_a_detach(tmp_path: Path) -> None:
    assert "I3" in broken_without(tmp_path, needing("mark", DetachBeforeTheFence()))


class FenceNotReadBack(Fence):
    def look(self, context: StepContext) -> Sight:
        seen = super().look(context)
        instance = read_old_instance(context)
        return Done("sent", {"was_running": True}) if instance.busy else seen


def test_the_proof_of_the_fence(tmp_path: Path) -> None:
    assert "I3" in broken_without(
        tmp_path, FenceNotReadBack(), needing("fence", DetachBeforeTheFence())
    )


def test_the_checks_before_the_cutover(tmp_path: Path) -> None:
    controller = open_controller(tmp_path, needing("mount_volumes", CutOver()))
    controller.cloud.arm(Fault("check", "not_passed", times=1000, where={"vantage": "instance"}))
    controller.drive()
    assert "I2" in broken_by(controller)


class NoSnapshot(SnapshotVolumes):
    def look(self, context: StepContext) -> Sight:
        del context
        return Done("none taken", {"snapshots": [], "skipped": "guard removed"})


def test_the_snapshot_before_the_first_write(tmp_path: Path) -> None:
    assert "I5" in broken_without(tmp_path, NoSnapshot())


class TrustOnFirstUse(AwaitAccess):
    def look(self, context: StepContext) -> Sight:
        """The key that whoever answers presents, as ssh-keyscan would take it."""
        new = new_instance_id(context)
        provider = context.outside.provider
        address = str(context.output_of("await_instance")["private_address"])
        state = provider.cloud.state()  # type: ignore[attr-defined] # the fake's own truth
        keys = tuple(HostKey(*key) for key in state.instances[new].host_keys)
        door = make_door(context.run, address=address, host_keys=keys, known_as=new)
        context.outside.access.try_login(door, timeout_seconds=5)
        return Done("trusted", {"address": address, "host_keys": []})


def test_the_host_keys_through_the_provider(tmp_path: Path) -> None:
    controller = open_controller(tmp_path, TrustOnFirstUse())
    controller.drive()
    assert "I11" in broken_by(controller)


class FenceWithoutIsolation(Fence):
    def look(self, context: StepContext) -> Sight:
        seen = super().look(context)
        if getattr(seen, "target", "") == "isolate":
            return Done("off and locked", {"was_running": True})
        return seen


def test_the_isolation_of_what_is_quarantined(tmp_path: Path) -> None:
    assert "I13" in broken_without(tmp_path, FenceWithoutIsolation())
