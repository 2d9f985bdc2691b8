"""Snapshot each data volume once the old instance is off: the undo point of what follows."""

from dataclasses import asdict

from releve.errors import Ambiguous
from releve.model.identity import snapshot_name
from releve.model.resources import Role, Snapshot
from releve.model.run import Phase, RunInput
from releve.plan.types import SnapshotPolicy
from releve.recovery.subject import labels_of, plan_of, require_fenced
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo


class SnapshotVolumes(Step):
    name = "snapshot_volumes"
    phase = Phase.MOVE
    cell = "S05"
    needs = ("fence",)
    acts_at_most = 64  # one for each volume

    def describe(self, run: RunInput) -> str:
        policy = plan_of(run).snapshots
        if policy is SnapshotPolicy.NEVER:
            return "take no snapshot: the plan says never"
        condition = "" if policy is SnapshotPolicy.ALWAYS else ", where that is copy-on-write"
        return f"snapshot each volume before it moves{condition}"

    def look(self, context: StepContext) -> Sight:
        skipped = reason_to_skip(context)
        if skipped:
            return Done(skipped, {"snapshots": [], "skipped": skipped})
        found = {volume: find_snapshot(context, volume) for volume in volume_ids(context)}
        missing = [volume for volume, snapshot in found.items() if snapshot is None]
        if missing:
            return Todo(f"no snapshot yet of {', '.join(missing)}", target=missing[0])
        snapshots = [snapshot for snapshot in found.values() if snapshot is not None]
        if not all(snapshot.ready for snapshot in snapshots):
            return Pending("the provider is still taking the snapshots")
        return Done(
            f"{len(snapshots)} volume(s) snapshotted",
            {"snapshots": [describe(snapshot) for snapshot in snapshots], "skipped": ""},
        )

    def act(self, context: StepContext) -> Sight:
        require_fenced(context)
        volume = context.target
        if find_snapshot(context, volume) is not None:
            return Pending(f"the snapshot of {volume} shows by now")
        context.outside.provider.snapshot_volume(
            volume,
            name=snapshot_name(context.run.run_id),
            labels=labels_of(context.run, Role.ACTIVE),
        )
        return Pending(f"snapshot of {volume} asked for")


def reason_to_skip(context: StepContext) -> str:
    policy = plan_of(context.run).snapshots
    if policy is SnapshotPolicy.NEVER:
        return "the plan says never"
    if policy is SnapshotPolicy.AUTO and not context.outside.provider.capabilities.snapshots:
        return "the provider's snapshots are full copies; the plan does not ask for them"
    return "" if volume_ids(context) else "the host has no volumes"


def volume_ids(context: StepContext) -> list[str]:
    return [volume.id for volume in plan_of(context.run).volumes.values()]


def find_snapshot(context: StepContext, volume_id: str) -> Snapshot | None:
    name = snapshot_name(context.run.run_id)
    found = context.outside.provider.find_snapshots(volume_id, name=name)
    if len(found) > 1:
        raise Ambiguous(
            f"volume {volume_id} has {len(found)} snapshots called {name}",
            remedy="Keep one, rename the others at the provider",
        )
    return found[0] if found else None


def describe(snapshot: Snapshot) -> dict[str, object]:
    return {key: asdict(snapshot)[key] for key in ("id", "volume_id", "name")}
