"""Shell, playbooks and checks of a recovery whose provider is real: its guests are stand-ins."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from releve.errors import HostKeyMismatch, Unreachable
from releve.model.checks import CheckResult
from releve.model.converge import ConvergeResult, HostStats
from releve.model.run import Output
from releve.ports.access import Access, CommandResult, Door, StreamLimits
from releve.ports.checker import Checker, Vantage
from releve.ports.converger import Converger, ConvergeRequest, ConvergeWatch
from tests.fakes.access import AUTHORIZED_KEY
from tests.openstack.control_plane import ControlPlane
from tests.openstack.guests import Guest, find_guest, get_guest

_REMEDY: Final = "check that the instance runs"
HolderOfAddress = Callable[[str], str]  # public address to server id; empty: none


class GuestAccess(Access):
    """Lets in under the host key that the guest's console showed, and under no other."""

    def __init__(self, plane: ControlPlane, *, broken: str) -> None:
        """`broken`: the server whose root cannot be written any more."""
        self.plane = plane
        self.broken = broken

    def try_login(self, door: Door, *, timeout_seconds: float) -> None:
        self.run_command(door, command=("true",), timeout_seconds=timeout_seconds)

    def run_command(
        self, door: Door, *, command: tuple[str, ...], stdin: bytes = b"", timeout_seconds: float
    ) -> CommandResult:
        del stdin, timeout_seconds
        guest = knock(self.plane, door)
        if command[0] == "true":
            return CommandResult(0, b"", b"")
        if command[0] == "sh" and guest.id == self.broken:
            return CommandResult(1, b"EXT4-fs error", b"mktemp: Read-only file system")
        if command[:2] == ("python3", "-"):
            return _examine_volumes(guest, json.loads(command[2]))
        return CommandResult(0, b"", b"")

    def stream_command(
        self,
        door: Door,
        *,
        command: tuple[str, ...],
        stdin: bytes,
        limits: StreamLimits,
        take: Callable[[bytes], None],
    ) -> CommandResult:
        raise NotImplementedError("no step of a recovery without autopsy streams")

    def public_keys(self, identity_files: tuple[str, ...]) -> tuple[str, ...]:
        del identity_files
        return (AUTHORIZED_KEY,)


def knock(plane: ControlPlane, door: Door) -> Guest:
    guest = find_guest(plane, door.address)
    if guest is None:
        raise Unreachable(f"nothing answers at {door.address}", remedy=_REMEDY)
    if guest.host_key not in {(key.algorithm, key.public) for key in door.host_keys}:
        raise HostKeyMismatch(f"another host key at {door.address}", remedy="see who answers")
    return guest


def _examine_volumes(guest: Guest, request: Mapping[str, Any]) -> CommandResult:
    """What guest_volumes.py prints on a real instance."""
    answers = [_examine(guest, item, mount=request["mount"]) for item in request["volumes"]]
    return CommandResult(0, json.dumps(answers).encode(), b"")


def _examine(guest: Guest, wanted: Mapping[str, Any], *, mount: bool) -> dict[str, Any]:
    serial = str(wanted["device_serial"])
    disk = guest.find_disk(serial)
    if not serial or disk is None:
        return {"name": wanted["name"], "problem": f"no block device with serial {serial!r}"}
    if mount:
        guest.mount(serial)
    return {
        "name": wanted["name"],
        "device": f"/dev/disk/by-id/virtio-{serial}",
        "filesystem_uuid": "",
        "size_bytes": disk.stat().st_size,
        "mount_point": wanted["mount_point"],
        "mounted": guest.is_mounted(serial),
        "inner_path": "/",
    }


class RecordedConverger(Converger):
    """A playbook that has been seen to succeed, once more; the guest counts how often."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane

    def converge(self, request: ConvergeRequest, *, watch: ConvergeWatch) -> ConvergeResult:
        watch.on_task_start("Install nginx")
        knock(self.plane, request.door).converge()
        return ConvergeResult(
            succeeded=True,
            reason="every task succeeded on exactly the expected host",
            stats=(HostStats(request.host, ok=3, changed=3),),
            exit_code=0,
            seconds=0.0,
            accelerator="none: recorded",
            tasks=3,
        )

    def list_problems(self, request: ConvergeRequest) -> tuple[str, ...]:
        del request
        return ()

    def read_vaulted(self, repository: str, path: str) -> bytes:
        raise NotImplementedError(f"no vault in {repository} for {path}")


class GuestChecker(Checker):
    """A check holds where a converged guest with all of its volumes mounted is behind it."""

    def __init__(self, plane: ControlPlane, *, volumes: int, holder_of: HolderOfAddress) -> None:
        self.plane = plane
        self.volumes = volumes
        self.holder_of = holder_of

    def run_checks(self, checks: Sequence[Output], *, vantage: Vantage) -> tuple[CheckResult, ...]:
        reason = self._reason_to_fail(vantage)
        return tuple(
            CheckResult(
                name=str(next(iter(check))),
                kind=str(next(iter(check))),
                passed=not reason,
                reason=reason or "it holds",
                seconds=0.0,
                vantage=vantage.name,
            )
            for check in checks
        )

    def _reason_to_fail(self, vantage: Vantage) -> str:
        holder = self.holder_of(vantage.address) if vantage.door is None else ""
        guest = get_guest(self.plane, holder) if holder else find_guest(self.plane, vantage.address)
        if guest is None or not guest.runs():
            return f"connection to {vantage.address} refused"
        mounted = sum(guest.is_mounted(serial) for serial in guest.disks())
        if mounted != self.volumes:
            return f"{mounted} of {self.volumes} volumes are mounted"
        return "" if guest.converges else "the service is not installed"
