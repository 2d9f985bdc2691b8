"""What a person does at the cloud's own console, and what happens inside guests."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.fakes.cloud_rules import find, make_host_keys
from tests.fakes.cloud_settle import mount
from tests.fakes.cloud_state import (
    NEVER,
    TABLES,
    CloudAddress,
    CloudInstance,
    CloudState,
    CloudVolume,
)
from tests.fakes.guest_scan import CONVERGED

Arguments = Mapping[str, Any]


def add_old_instance(state: CloudState, now: float, arguments: Arguments) -> None:
    """A host as its owners made it, long before any recovery."""
    instance_id = state.new_id("instance")
    state.instances[instance_id] = CloudInstance(
        id=instance_id,
        name=arguments["name"],
        image="image-base",
        size="small",
        network="private",
        state="RUNNING",
        private_address=f"10.0.0.{state.made + 10}",
        labels=dict(arguments.get("labels", {})),
        host_keys=make_host_keys(instance_id),
        booted_at=now,
    )


def add_volume(state: CloudState, _now: float, arguments: Arguments) -> None:
    volume_id = state.new_id("volume")
    state.volumes[volume_id] = CloudVolume(
        id=volume_id,
        name=arguments["name"],
        size_bytes=2**30,
        filesystem_uuid=f"00000000-0000-4000-8000-{state.made:012d}",
        content=f"precious content of {arguments['name']}",
        labels=dict(arguments.get("labels", {})),
    )
    if arguments.get("on"):
        volume = state.volumes[volume_id]
        volume.state, volume.attached_to, volume.held_by = "in-use", [arguments["on"]], ""
        volume.held_by = arguments["on"]
        volume.mount_points = {arguments["on"]: arguments["mount_point"]}
        volume.mounted_on, volume.mount_mode = arguments["on"], "rw"


def add_address(state: CloudState, _now: float, arguments: Arguments) -> None:
    address = arguments["address"]
    state.addresses[address] = CloudAddress(address, arguments.get("instance_id", ""))


def add_offer(state: CloudState, _now: float, arguments: Arguments) -> None:
    """What the cloud has on offer: images (id to name), networks, sizes, quota."""
    state.images.update(arguments.get("images", {}))
    state.networks.extend(arguments.get("networks", ()))
    state.sizes.extend(arguments.get("sizes", ()))
    state.quota.update(arguments.get("quota", {}))


def delete_resource(state: CloudState, _now: float, arguments: Arguments) -> None:
    table, key = getattr(state, arguments["table"]), arguments["key"]
    if isinstance(table, list):
        table.remove(key)
    else:
        table.pop(key)


def start_by_hand(state: CloudState, now: float, arguments: Arguments) -> None:
    """Unlock and start, as the host's high availability or a colleague would; at once."""
    instance = find(state.instances, arguments["instance_id"], "instance")
    instance.state, instance.busy, instance.locked = "RUNNING", "", False
    instance.networked, instance.booted_at = True, now
    instance.settles_at = NEVER
    instance.revision += 1


def stop_by_hand(state: CloudState, _now: float, arguments: Arguments) -> None:
    instance = find(state.instances, arguments["instance_id"], "instance")
    instance.state, instance.busy, instance.booted_at = "STOPPED", "", NEVER
    instance.settles_at = NEVER
    instance.revision += 1


def relabel(state: CloudState, _now: float, arguments: Arguments) -> None:
    instance = find(state.instances, arguments["instance_id"], "instance")
    instance.labels = {**instance.labels, **arguments["labels"]}
    instance.revision += 1


def attach_at_once(state: CloudState, _now: float, arguments: Arguments) -> None:
    """To that instance alone, whatever held it."""
    volume = find(state.volumes, arguments["volume_id"], "volume")
    volume.state, volume.settles_at = "in-use", NEVER
    volume.attached_to = [arguments["instance_id"]] if arguments["instance_id"] else []
    volume.state = "in-use" if volume.attached_to else "available"
    volume.held_by, volume.mounted_on = arguments["instance_id"], ""


def give_address(state: CloudState, _now: float, arguments: Arguments) -> None:
    address = find(state.addresses, arguments["address"], "address")
    address.instance_id = arguments["instance_id"]
    address.revision += 1


def break_root(state: CloudState, _now: float, arguments: Arguments) -> None:
    """The root turns read-only; what already runs goes on."""
    find(state.instances, arguments["instance_id"], "instance").root_is_writable = False


def replace_host_key(state: CloudState, _now: float, arguments: Arguments) -> None:
    """Another sshd answers there than the one the cloud told of."""
    instance = find(state.instances, arguments["instance_id"], "instance")
    instance.answers_with = make_host_keys(f"another {instance.id}")


def make_look_alike(state: CloudState, _now: float, arguments: Arguments) -> None:
    """A second resource with the same name and labels as one that is there."""
    table, key = arguments["table"], arguments["key"]
    original = getattr(state, table)[key]
    twin_id = state.new_id("twin")
    getattr(state, table)[twin_id] = replace(original, id=twin_id)


def make_named(state: CloudState, _now: float, arguments: Arguments) -> None:
    """Two or more resources of a name and labels, where the controller will look for its own."""
    for _ in range(arguments.get("count", 2)):
        key = state.new_id("stranger")
        record = TABLES[arguments["table"]](id=key, **arguments["document"])
        getattr(state, arguments["table"])[key] = record


def write_content(state: CloudState, _now: float, arguments: Arguments) -> None:
    find(state.volumes, arguments["volume_id"], "volume").content = arguments["content"]


def change_owner(state: CloudState, _now: float, arguments: Arguments) -> None:
    find(state.volumes, arguments["volume_id"], "volume").owner = arguments["owner"]


def write_system_disk(state: CloudState, _now: float, arguments: Arguments) -> None:
    """`superblock` in hex; zeros at its end may be left out."""
    instance = find(state.instances, arguments["instance_id"], "instance")
    instance.root_filesystem = arguments.get("filesystem", instance.root_filesystem)
    instance.root_superblock = arguments.get("superblock", instance.root_superblock)
    instance.root_content = arguments.get("content", instance.root_content)


def spoil_image(state: CloudState, _now: float, arguments: Arguments) -> None:
    """Somebody puts into a captured image what no playbook made."""
    find(state.captures, arguments["image_id"], "image").root_content += arguments["content"]


def converge_in_guest(state: CloudState, _now: float, arguments: Arguments) -> None:
    """What a playbook leaves on the system disk; a second run of it changes nothing."""
    instance = find(state.instances, arguments["instance_id"], "instance")
    if CONVERGED not in instance.root_content:
        instance.root_content += CONVERGED


def mount_in_guest(state: CloudState, _now: float, arguments: Arguments) -> None:
    volume = find(state.volumes, arguments["volume_id"], "volume")
    mount(volume, arguments["instance_id"], mode=arguments["mode"], replay=arguments["replay"])


def mount_dead_disk(state: CloudState, _now: float, arguments: Arguments) -> None:
    dead = find(state.instances, arguments["instance_id"], "instance")
    dead.root_shown_to[arguments["helper_id"]] = arguments["mount_point"]


ACTS: dict[str, Callable[[CloudState, float, Arguments], None]] = {
    rule.__name__: rule
    for rule in (
        add_old_instance,
        add_volume,
        add_address,
        add_offer,
        delete_resource,
        start_by_hand,
        stop_by_hand,
        relabel,
        attach_at_once,
        give_address,
        break_root,
        replace_host_key,
        make_look_alike,
        make_named,
        write_content,
        change_owner,
        write_system_disk,
        mount_in_guest,
        mount_dead_disk,
        converge_in_guest,
        spoil_image,
    )
}
