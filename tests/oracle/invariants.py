"""The invariants of a recovery, as far as the provider's own record can show them.

Each check takes the evidence of one row and yields a sentence for each violation.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from tests.fakes.cloud_state import CloudInstance, CloudState, CloudVolume
from tests.oracle.evidence import CREATES, DELETES, Evidence, is_off, target_of

Check = Callable[[Evidence], Iterator[str]]
MOST_CREATES_PER_RUN = 2  # one, and one replacement
_DELETED_AT_ONCE: Final = {
    "captures": ("delete_image", "image_id"),
    "ports": ("delete_port", "port_id"),
}
DELETABLE: Final = {
    "instances": {"twin", "helper", "discarded"},
    "volumes": {"twin"},
}


def i1_one_of_each(evidence: Evidence) -> Iterator[str]:
    """At most one living instance and port per run, one snapshot per run and volume."""
    after = evidence.after
    for run, ids in evidence.made_by_controller("create_instance").items():
        alive = [key for key in ids if key in after.instances]
        alive = [key for key in alive if after.instances[key].state != "ERROR"]
        if len(alive) > 1:
            yield f"run {run} has {len(alive)} instances: {', '.join(alive)}"
    for run, ids in evidence.made_by_controller("create_port").items():
        if len(set(ids) & after.ports.keys()) > 1:
            yield f"run {run} has ports {', '.join(ids)}"
    for run, ids in evidence.made_by_controller("snapshot_volume").items():
        volumes = Counter(after.snapshots[key].volume_id for key in ids if key in after.snapshots)
        for volume, count in volumes.items():
            if count > 1:
                yield f"run {run} has {count} snapshots of {volume}"
    yield from _one_copy_of_each(evidence)


def _one_copy_of_each(evidence: Evidence) -> Iterator[str]:
    """At most one living volume and image per run and name."""
    for call in ("create_volume", "clone_volume", "capture_image"):
        living = getattr(evidence.after, CREATES[call])
        for run, ids in evidence.made_by_controller(call).items():
            if len(set(ids) & living.keys()) > 1:
                yield f"run {run} has {', '.join(ids)}"


def i2_address_moves_safely(evidence: Evidence) -> Iterator[str]:
    """Only from an instance that is off or stripped, and only to one that passed its checks."""
    row, before = evidence.row, evidence.before
    if not evidence.is_own_effect or row.call != "move_address":
        return
    source_id = before.addresses[row.arguments["address"]].instance_id
    source = before.instances.get(source_id)
    if source_id != row.arguments["instance_id"] and not is_off(source) and _networked(source):
        yield f"the address left {source_id}, which runs and has its network"
    target = before.instances.get(row.arguments["instance_id"])
    if target and target.run_that_made_it and not _passed_checks(evidence, target.id):
        yield f"the address went to {target.id}, whose checks have not passed"


def _networked(instance: CloudInstance | None) -> bool:
    return instance is not None and instance.networked


def _passed_checks(evidence: Evidence, instance_id: str) -> bool:
    for row in reversed(evidence.history):
        if row.kind == "check" and row.arguments["instance_id"] == instance_id:
            return bool(row.arguments["passed"])
    return False


def i3_volume_on_one_instance(evidence: Evidence) -> Iterator[str]:
    """Attached once; taken only from what is proven off; mounted only where it is the recorded."""
    for volume in evidence.after.volumes.values():
        if len(set(volume.attached_to)) > 1:
            yield f"{volume.id} is attached to {' and '.join(volume.attached_to)}"
    row = evidence.row
    if evidence.is_own_effect and row.call == "detach_volume":
        holder = row.arguments["instance_id"]
        if not is_off(evidence.before.instances.get(holder)):
            yield f"{row.arguments['volume_id']} was taken from {holder}, which is not off"
        elif not evidence.saw_off(holder):
            yield f"{row.arguments['volume_id']} was taken from {holder} without a look"
    if evidence.is_own_effect and row.call == "attach_volume":
        volume_id, target = row.arguments["volume_id"], row.arguments["instance_id"]
        holder_role = evidence.before.instances[target].labels.get("releve.role")
        if holder_role == "twin" and not _is_twins(evidence.before.volumes[volume_id]):
            yield f"{volume_id}, which is no twin's, went to the twin {target}"


def _is_twins(volume: CloudVolume) -> bool:
    return volume.labels.get("releve.role") == "twin"


def i4_born_with_identity(evidence: Evidence) -> Iterator[str]:
    """Host, run, epoch and role are in the call that makes a resource."""
    row = evidence.row
    if not evidence.is_own_effect or row.call not in CREATES:
        return
    labels = row.arguments["labels"]
    keys = ("releve.host", "releve.run", "releve.epoch", "releve.role")
    for key in keys[:2] if row.call == "capture_image" else keys:
        if not labels.get(key):
            yield f"{row.call} without {key}"
    if row.actor.run and labels.get("releve.run") != row.actor.run:
        yield f"{row.call} with the label of run {labels.get('releve.run')}"
    if (
        row.actor.epoch
        and row.call != "capture_image"
        and labels.get("releve.epoch") != str(row.actor.epoch)
    ):
        yield f"{row.call} with the label of epoch {labels.get('releve.epoch')}"


def i5_bytes_are_kept(evidence: Evidence) -> Iterator[str]:
    """A volume changes only by a read-write mount on a new instance, after a snapshot."""
    if evidence.row.actor.name == "person":
        return
    for key, after in evidence.after.volumes.items():
        before = evidence.before.volumes.get(key)
        if before is None or before.sha256 == after.sha256:
            continue
        holder = evidence.after.instances.get(after.mounted_on)
        if after.mount_mode != "rw" or holder is None:
            yield f"{key} was changed without a read-write mount"
        elif _is_twins(after):
            continue  # its bytes are a copy
        elif holder.run_that_made_it and not _has_undo_point(evidence.after, key, before.content):
            yield f"{key} was mounted read-write on {holder.id} before any snapshot of it"


def _has_undo_point(state: CloudState, volume_id: str, content: str) -> bool:
    """Where snapshots are cheap, one must hold the bytes from before the mount."""
    if not state.habits.has_snapshots:
        return True
    if state.volumes[volume_id].content.count("mounted rw on") > 1:
        return True  # the marked point was passed before
    return any(
        snapshot.volume_id == volume_id and snapshot.ready and snapshot.content == content
        for snapshot in state.snapshots.values()
    )


def i7_only_its_own_is_deleted(evidence: Evidence) -> Iterator[str]:
    """I6 and I7: a run deletes what it made to be deleted; all else that vanished is a fault."""
    row = evidence.row
    if row.actor.name == "person":
        return
    if evidence.is_own_effect and row.call in DELETES:
        yield from _judge_deletion(evidence)
    for table in ("instances", "volumes", "ports", "snapshots", "addresses", "captures"):
        before = getattr(evidence.before, table)
        for key in sorted(before.keys() - getattr(evidence.after, table).keys()):
            if not _was_being_deleted(evidence, table, key):
                yield f"{key} was deleted by {row.actor.name}"


def _judge_deletion(evidence: Evidence) -> Iterator[str]:
    row = evidence.row
    table, argument = DELETES[row.call]
    labels = getattr(evidence.before, table)[row.arguments[argument]].labels
    run, role = labels.get("releve.run", ""), labels.get("releve.role", "")
    key = row.arguments[argument]
    if not run or role not in DELETABLE.get(table, {role}):
        yield f"{key} was deleted, with the role {role or 'nobody knows'} of run {run or 'nobody'}"
    elif row.actor.run and table != "captures" and row.actor.run != run:
        yield f"{key} of run {run} was deleted by run {row.actor.run}"
    if table == "instances":
        for volume in evidence.before.volumes_of(key):
            if not _is_twins(volume):
                yield f"{key} was deleted with {volume.id} on it"
    if table == "ports" and evidence.before.ports[key].instance_id:
        yield f"{key} was deleted on {evidence.before.ports[key].instance_id}"


def _was_being_deleted(evidence: Evidence, table: str, key: str) -> bool:
    """Its end follows an act that was judged when it was sent."""
    state = evidence.before
    if table == "instances":
        return state.instances[key].busy == "deleting"
    if table == "volumes":
        return state.volumes[key].state == "deleting"
    if table == "ports" and any(
        instance.port_id == key and instance.busy == "deleting"
        for instance in state.instances.values()
    ):
        return True
    row, call, argument = evidence.row, *_DELETED_AT_ONCE.get(table, ("", ""))
    return bool(row.call == call and row.arguments[argument] == key)


def i20_system_disk_is_only_read(evidence: Evidence) -> Iterator[str]:
    """A system disk goes to helpers only, and its instance is off as long as it is read."""
    row, before = evidence.row, evidence.before
    if not evidence.is_own_effect or row.call not in {"attach_system_disk", "start_instance"}:
        return
    instance = evidence.after.instances[row.arguments["instance_id"]]
    if not is_off(instance):
        for helper_id in instance.root_shown_to.keys() & before.instances.keys():
            yield f"{helper_id} reads the system disk of {instance.id}, which is not off"
    helper = before.instances.get(row.arguments.get("helper_id", ""))
    if helper and helper.labels.get("releve.role") != "helper":
        yield f"the system disk of {instance.id} went to {helper.id}, which is no helper"


def i8_each_effect_once(evidence: Evidence) -> Iterator[str]:
    if not evidence.is_own_effect:
        return
    target = target_of(evidence.row)
    same = [
        row
        for row in evidence.own_effects()
        if row.actor.run == evidence.row.actor.run and target_of(row) == target
    ]
    if len(same) > 1 and not _was_undone(evidence):
        yield f"{len(same)} times: {target}"


def _was_undone(evidence: Evidence) -> bool:
    """Whether what this sets was set before, and is no longer so: then setting it is no repeat."""
    row, before = evidence.row, evidence.before
    if row.call == "move_address":
        now = before.addresses[row.arguments["address"]].instance_id
        return bool(now != row.arguments["instance_id"])
    instance = before.instances.get(row.arguments.get("instance_id", ""))
    if instance is None:
        return False
    if row.call == "label_instance":
        return not row.arguments["labels"].items() <= instance.labels.items()
    if row.call == "lock_instance":
        return not instance.locked
    return row.call == "isolate_instance" and instance.networked


def i9_creates_are_bounded(evidence: Evidence) -> Iterator[str]:
    for run, ids in evidence.made_by_controller("create_instance").items():
        if len(ids) > MOST_CREATES_PER_RUN:
            yield f"run {run} made {len(ids)} instances"


def i11_host_key_first(evidence: Evidence) -> Iterator[str]:
    """Every connection is made with the host keys that the provider showed for that instance."""
    row = evidence.row
    if row.call != "connect":
        return
    door = row.arguments["door"]
    if not door["host_keys"]:
        yield f"a connection to {door['address']} without a proven host key"
    if not door["known_as"]:
        yield f"a connection to {door['address']} without the instance that it is meant for"
    for key in door["host_keys"]:
        if not _was_shown(evidence, door["known_as"], key):
            yield f"a host key for {door['known_as']} that the provider never showed"


def _was_shown(evidence: Evidence, instance_id: str, key: object) -> bool:
    return any(
        key in read.result.get("host_keys", ())
        for read in reversed(evidence.history)
        if read.call == "read_host_keys" and read.arguments["instance_id"] == instance_id
    )


def i13_quarantine_holds(evidence: Evidence) -> Iterator[str]:
    """From the close of a run on, its old instance is off, locked, cut off and kept."""
    closed = {row.arguments["run"] for row in evidence.history if row.call == "closed"}
    for run in sorted(closed):
        quarantined = [
            instance
            for instance in evidence.after.instances.values()
            if instance.labels.get("releve.run") == run
            and instance.labels.get("releve.role") == "quarantined"
        ]
        if len(quarantined) != 1:
            yield f"run {run} closed with {len(quarantined)} quarantined instances"
        for instance in quarantined:
            yield from _list_leaks(evidence.after, instance)


def _list_leaks(state: CloudState, instance: CloudInstance) -> Iterator[str]:
    if not is_off(instance):
        yield f"{instance.id} is quarantined and {instance.state}"
    if state.habits.has_locks and not instance.locked:
        yield f"{instance.id} is quarantined and not locked"
    if instance.networked:
        yield f"{instance.id} is quarantined and has its network"
    if state.volumes_of(instance.id):
        yield f"{instance.id} is quarantined and holds a data volume"
    if any(address.instance_id == instance.id for address in state.addresses.values()):
        yield f"{instance.id} is quarantined and has a public address"
    if not instance.labels.get("releve.expires"):
        yield f"{instance.id} is quarantined for ever"


OF_WHAT_CHANGES_NOTHING = {"guest": {"I11"}}  # by kind of row; the other checks cannot fire there
OF_ANY_OTHER = {"I13"}
CHECKS: dict[str, Check] = {
    "I1": i1_one_of_each,
    "I2": i2_address_moves_safely,
    "I3": i3_volume_on_one_instance,
    "I4": i4_born_with_identity,
    "I5": i5_bytes_are_kept,
    "I7": i7_only_its_own_is_deleted,
    "I8": i8_each_effect_once,
    "I9": i9_creates_are_bounded,
    "I11": i11_host_key_first,
    "I13": i13_quarantine_holds,
    "I20": i20_system_disk_is_only_read,
}
