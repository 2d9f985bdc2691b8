"""The access port over a fake cloud: sshd, its host key, and the commands Relève sends."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from releve.errors import HostKeyMismatch, PlanError, Unreachable
from releve.ports.access import Access, CommandResult, Door, StreamLimits
from tests.fakes.cloud import FakeCloud
from tests.fakes.cloud_state import CloudInstance, CloudState, CloudVolume
from tests.fakes.faults import Fault
from tests.fakes.guest_scan import (
    BY_HAND,
    answer_last_words,
    answer_scan,
    is_scan,
    read_request,
)

AUTHORIZED_KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFake releve"
CONNECT_SECONDS: Final = 10.0
_REMEDY: Final = "check that the instance runs"


class FakeAccess(Access):
    def __init__(self, cloud: FakeCloud) -> None:
        self.cloud = cloud

    def try_login(self, door: Door, *, timeout_seconds: float) -> None:
        self.run_command(door, command=("true",), timeout_seconds=timeout_seconds)

    def run_command(
        self, door: Door, *, command: tuple[str, ...], stdin: bytes = b"", timeout_seconds: float
    ) -> CommandResult:
        instance = knock(self.cloud, door, timeout_seconds=timeout_seconds)
        self.cloud.note("command", {"instance_id": instance.id, "argv": command[:2]}, kind="guest")
        return Guest(self.cloud, instance).run(command, stdin)

    def stream_command(
        self,
        door: Door,
        *,
        command: tuple[str, ...],
        stdin: bytes,
        limits: StreamLimits,
        take: Callable[[bytes], None],
    ) -> CommandResult:
        result = self.run_command(
            door, command=command, stdin=stdin, timeout_seconds=limits.seconds
        )
        take(result.stdout[: limits.stdout_bytes])
        cut = len(result.stdout) > limits.stdout_bytes
        return CommandResult(result.exit_code, b"", result.stderr, cut)

    def public_keys(self, identity_files: tuple[str, ...]) -> tuple[str, ...]:
        del identity_files
        return (AUTHORIZED_KEY,)


def knock(cloud: FakeCloud, door: Door, *, timeout_seconds: float) -> CloudInstance:
    """The instance behind the door, let in; every byte sent on the way is in the history."""
    fault = cloud.take_guest_fault("ssh", {"address": door.address, "known_as": door.known_as})
    instance = find_by_address(cloud.state(), door.address)
    target = instance.id if instance else ""
    cloud.note("connect", {"instance_id": target, "door": _described(door)}, kind="guest")
    if not door.host_keys:
        raise PlanError("no door without proven host keys", remedy="read them first")
    if instance is None or instance.booted_at > cloud.clock.monotonic():
        raise Unreachable(f"nothing answers at {door.address}", remedy=_REMEDY)
    _meet_fault(cloud, fault, timeout_seconds=timeout_seconds)
    presented = {tuple(key) for key in instance.answers_with or instance.host_keys}
    if not presented & {(key.algorithm, key.public) for key in door.host_keys}:
        raise HostKeyMismatch(f"another host key at {door.address}", remedy="see who answers")
    cloud.note("login", {"instance_id": instance.id, "known_as": door.known_as}, kind="guest")
    is_known = not instance.run_that_made_it or AUTHORIZED_KEY in instance.authorized_keys
    if not is_known or (fault and fault.kind == "login_refused"):
        raise Unreachable(f"{door.address} refused the login of {door.user}", remedy=_REMEDY)
    if fault and fault.kind == "reset":
        raise Unreachable(f"{door.address} reset the connection", remedy=_REMEDY)
    return instance


def _meet_fault(cloud: FakeCloud, fault: Fault | None, *, timeout_seconds: float) -> None:
    if fault is None:
        return
    if fault.kind == "hang":
        cloud.clock.sleep(min(timeout_seconds, CONNECT_SECONDS))
        raise Unreachable("no banner in time", remedy=_REMEDY)
    if fault.kind == "refused":
        raise Unreachable("connection refused", remedy=_REMEDY)


def find_by_address(state: CloudState, address: str) -> CloudInstance | None:
    owners = {item.address: item.instance_id for item in state.addresses.values()}
    for instance in state.instances.values():
        is_there = address == instance.private_address or owners.get(address) == instance.id
        if is_there and instance.networked and instance.state == "RUNNING":
            return instance
    return None


def _described(door: Door) -> dict[str, Any]:
    return {
        "address": door.address,
        "known_as": door.known_as,
        "host_keys": [[key.algorithm, key.public] for key in door.host_keys],
    }


class Guest:
    """What is inside a running instance, as far as Relève's commands can tell."""

    def __init__(self, cloud: FakeCloud, instance: CloudInstance) -> None:
        self._cloud = cloud
        self._instance = instance

    def run(self, command: tuple[str, ...], stdin: bytes) -> CommandResult:
        """The fake guest knows the programs that Relève feeds."""
        if command[0] in {"true", "env"} or command[:2] == ("sh", "-s"):
            return CommandResult(0, b"", b"")
        if is_scan(stdin):
            return self._scan(stdin)
        if command[:4] == ("python3", "-I", "-S", "-B"):
            return self._run_program(json.loads(command[-1]))
        if command[:2] == ("python3", "-"):
            return self._run_program(json.loads(command[2]))
        if command[0] == "sh" and "mktemp" in command[2]:
            return self._probe_write()
        return CommandResult(127, b"", f"{command[0]}: not found".encode())

    def _run_program(self, request: Mapping[str, Any]) -> CommandResult:
        if "volumes" in request:
            return self._examine_volumes(request)
        if "serial" in request:
            return self._mount_dead_disk(request)
        if not self._reads(request["root"]):
            return CommandResult(1, b"", b"there is no dead root")
        return CommandResult(0, answer_last_words(), b"")

    def _mount_dead_disk(self, request: Mapping[str, Any]) -> CommandResult:
        """What guest_disk.py prints on a helper that has a copy of the disk."""
        dead = request["serial"].removeprefix("copy-of-")
        if request["mount"]:
            arguments = {"instance_id": dead, "helper_id": self._instance.id}
            arguments |= {"mount_point": request["mount_point"]}
            self._cloud.change_beside("mount_dead_disk", arguments, kind="guest")
        root = self._cloud.state().instances[dead]
        mounted = root.root_shown_to.get(self._instance.id) == request["mount_point"]
        start = base64.b64encode(bytes.fromhex(root.root_superblock)).decode()
        answer = {"mounted": mounted, "filesystem": root.root_filesystem, "superblock": start}
        return CommandResult(0, json.dumps(answer).encode(), b"")

    def _scan(self, program: bytes) -> CommandResult:
        """A dead root holds what the host's new instance has, and what a hand left there."""
        root = read_request(program)["root"]
        if not root:
            return CommandResult(0, answer_scan(self._instance, program), b"")
        if not self._reads(root):
            return CommandResult(1, b"", b"there is no dead root")
        instances = self._cloud.state().instances.values()
        new = next(item for item in instances if item.labels.get("releve.role") == "active")
        return CommandResult(0, answer_scan(new, program, by_hand=BY_HAND), b"")

    def _reads(self, root: str) -> bool:
        """Whether the disk of another instance is mounted there."""
        instances = self._cloud.state().instances.values()
        return any(other.root_shown_to.get(self._instance.id) == root for other in instances)

    def _probe_write(self) -> CommandResult:
        if self._instance.root_is_writable:
            return CommandResult(0, b"", b"")
        return CommandResult(1, b"", b"mktemp: Read-only file system")

    def _examine_volumes(self, request: Mapping[str, Any]) -> CommandResult:
        """What guest_volumes.py prints on a real instance."""
        answers = [self._examine(item, mount=request["mount"]) for item in request["volumes"]]
        return CommandResult(0, json.dumps(answers).encode(), b"")

    def _examine(self, wanted: Mapping[str, Any], *, mount: bool) -> dict[str, Any]:
        volume = self._find_volume(wanted)
        if volume is None:
            problem = f"no block device with serial {wanted['device_serial']}"
            return {"name": wanted["name"], "problem": problem}
        if not volume.mounted_on and wanted["filesystem"] != volume.filesystem:
            return {"name": wanted["name"], "problem": f"holds {volume.filesystem!r}"}
        is_mounted = volume.mounted_on == self._instance.id
        if mount and not is_mounted:
            arguments = {"volume_id": volume.id, "instance_id": self._instance.id, "mode": "rw"}
            self._cloud.change_beside("mount_in_guest", arguments | {"replay": True}, kind="guest")
            is_mounted = True
        return {
            "name": wanted["name"],
            "device": f"/dev/disk/{volume.serial}",
            "filesystem_uuid": volume.filesystem_uuid,
            "size_bytes": volume.size_bytes,
            "mount_point": wanted["mount_point"],
            "mounted": is_mounted,
            "inner_path": "/",
            "owners": {".": "0:0", "data": volume.owner},
        }

    def _find_volume(self, wanted: Mapping[str, Any]) -> CloudVolume | None:
        for volume in self._cloud.state().volumes.values():
            if self._instance.id not in volume.attached_to:
                continue
            if wanted["device_serial"] == volume.serial:
                return volume
            mounted_at = volume.mount_points.get(self._instance.id)
            if not wanted["device_serial"] and mounted_at == wanted["mount_point"]:
                return volume
        return None
