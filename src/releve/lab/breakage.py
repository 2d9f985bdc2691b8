"""Accidents on a lab host: the real thing each, done from outside, then looked at."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from releve.errors import LabError
from releve.lab.client import Client
from releve.lab.commands import Ended, run
from releve.lab.daemon import is_daemon_running
from releve.lab.disks import has_own_root, root_of
from releve.lab.engine import choose_engine
from releve.lab.locks import hold_lock
from releve.lab.mounts import Mount, list_mounts_below
from releve.lab.readiness import require_root
from releve.lab.record import LabRecord, read_record
from releve.lab.settings import LabSettings, RootFilesystem
from releve.model.server_text import show_server_text

_LOCK_SECONDS: Final = 30.0
_SEEN_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.1
_PROBE: Final = "/root/.releve-write-probe"
_FILL_TURNS: Final = 5
_FILL_PERCENTS: Final = (100, 99, 97, 90)  # XFS keeps some for itself and refuses the whole
_FILL: Final = "/var/tmp/lab-disk-full"  # noqa: S108 - a path inside the instance


class BreakHow(StrEnum):
    EXT4_ERROR = "ext4-error"
    POWER_OFF = "power-off"
    DISK_FULL = "disk-full"
    XFS_SHUTDOWN = "xfs-shutdown"
    NETWORK = "network"


@dataclass(frozen=True)
class Patient:
    """The instance to be broken, as it is now."""

    instance: str
    running: bool
    root: Path  # where its own disk is mounted
    root_filesystem: RootFilesystem | None  # None: no disk of its own, it shares a pool


@dataclass(frozen=True)
class Breakage:
    how: BreakHow
    done: str
    seen: tuple[str, ...]


_NEEDED_ROOT: Final = {
    BreakHow.EXT4_ERROR: RootFilesystem.EXT4,
    BreakHow.XFS_SHUTDOWN: RootFilesystem.XFS,
}


def break_host(
    settings: LabSettings, host: str, *, how: BreakHow, say: Callable[[str], None]
) -> Breakage:
    """LabError when the way does not fit the host, or when the accident cannot be seen after."""
    require_root()
    paths = settings.paths
    with hold_lock(
        paths.identity, wait_seconds=_LOCK_SECONDS, holder=f"at work on {settings.name}"
    ):
        record = read_record(paths.record)
        client = Client(choose_engine(prefer=record.engine if record else ""), paths)
        if record is None or not is_daemon_running(client):
            raise LabError(
                f"Lab {settings.name} does not run",
                why="there is nothing to break",
                remedy="run `releve lab up` first",
            )
        patient = _examine(client, record, host=host)
        check_fit(patient, how)
        breakage = _ACCIDENTS[how](client, patient)
    say(breakage.done)
    for line in breakage.seen:
        say(f"  seen: {line}")
    return breakage


def check_fit(patient: Patient, how: BreakHow) -> None:
    """LabError with the reason when this accident cannot happen to this instance."""
    reason = explain_misfit(patient, how)
    if reason:
        raise LabError(
            f"{patient.instance} cannot be broken by {how.value}",
            why=reason,
            remedy=f"choose one of: {', '.join(_fitting(patient)) or 'none; start it first'}",
        )


def explain_misfit(patient: Patient, how: BreakHow) -> str:
    """Empty when it fits."""
    if not patient.running:
        return "it does not run"
    needed = _NEEDED_ROOT.get(how)
    if needed is not None and patient.root_filesystem is not needed:
        there = patient.root_filesystem.value if patient.root_filesystem else "on a shared pool"
        return f"its root is {there}, this needs {needed.value}"
    if how is BreakHow.DISK_FULL and patient.root_filesystem is None:
        return "its root shares a pool with other instances, which would be full as well"
    return ""


def _fitting(patient: Patient) -> list[str]:
    return [how.value for how in BreakHow if not explain_misfit(patient, how)]


def _examine(client: Client, record: LabRecord, *, host: str) -> Patient:
    instance = client.get(f"/1.0/instances/{host}")
    if instance is None:
        names = [Path(path).name for path in client.get("/1.0/instances")]
        raise LabError(
            f"Lab {record.name} has no instance {host}",
            why=f"it has {', '.join(names) or 'none'}",
            remedy="name one of these, or see `releve lab status`",
        )
    own = [one for one in record.hosts if one.name == host and has_own_root(client.paths, host)]
    return Patient(
        instance=host,
        running=instance["status"] == "Running",
        root=root_of(client.paths, host),
        root_filesystem=own[0].root_filesystem if own else None,
    )


def _cause_ext4_error(client: Client, patient: Patient) -> Breakage:
    device = _find_device(patient)
    counters = Path("/sys/fs/ext4", device)
    before = int((counters / "errors_count").read_text())
    (counters / "trigger_fs_error").write_text("lab")
    _await_read_only(client, patient)
    after = int((counters / "errors_count").read_text())
    options = _root_options(patient)
    flags = [word for word in options.split(",") if word in {"ro", "emergency_ro", "shutdown"}]
    return Breakage(
        BreakHow.EXT4_ERROR,
        f"Reported an error on {patient.instance}'s root disk to its ext4 ({device})",
        (
            f"ext4 counts {after} errors, it counted {before}",
            f"mount flags of the root: {', '.join(flags) or options}",
            f"a write inside: {_try_write(client, patient)}",
        ),
    )


def _cause_xfs_shutdown(client: Client, patient: Patient) -> Breakage:
    run(["xfs_io", "-x", "-c", "shutdown", str(patient.root)])
    _await_read_only(client, patient)
    return Breakage(
        BreakHow.XFS_SHUTDOWN,
        f"Shut down the XFS of {patient.instance}'s root disk",
        (
            f"mount flags of the root: {_root_options(patient)}",
            f"a write inside: {_try_write(client, patient)}",
        ),
    )


def _cut_power(client: Client, patient: Patient) -> Breakage:
    path = f"/1.0/instances/{patient.instance}"
    client.act("PUT", f"{path}/state", {"action": "stop", "force": True, "timeout": 30})
    status = client.get(path)["status"]
    _expect(patient, BreakHow.POWER_OFF, seen=status == "Stopped")
    done = f"Cut the power of {patient.instance}"
    return Breakage(BreakHow.POWER_OFF, done, (f"the daemon says: {status.lower()}",))


def _fill_disk(client: Client, patient: Patient) -> Breakage:
    free = client.execute(patient.instance, ["stat", "--file-system", "--format=%a %S", "/"])
    blocks, size = (int(word) for word in free.output.split())
    for percent in _FILL_PERCENTS:  # allocated without being written, as far as that goes
        length = str(blocks * size * percent // 100)
        claimed = client.execute(patient.instance, ["fallocate", "--length", length, _FILL])
        if claimed.exit_code == 0:
            break
    filled = free
    for turn in range(_FILL_TURNS):  # blocks that were just deleted come free late
        rest = ["dd", "if=/dev/zero", f"of={_FILL}.{turn}", f"bs={size}", f"count={blocks}"]
        filled = client.execute(patient.instance, rest)
        if "No space left" in filled.complaint:
            break
    _expect(patient, BreakHow.DISK_FULL, seen="No space left" in filled.complaint, said=filled)
    return Breakage(
        BreakHow.DISK_FULL,
        f"Filled {patient.instance}'s root with {_FILL} ({blocks * size / 2**30:.1f} GiB)",
        (f"a write inside: {_try_write(client, patient)}",),
    )


def _cut_network(client: Client, patient: Patient) -> Breakage:
    config = client.get(f"/1.0/instances/{patient.instance}")["config"]
    link = config.get("volatile.eth0.host_name", "")
    if not link:
        raise LabError(
            f"{patient.instance} has no network card to cut",
            why="its eth0 is detached already",
            remedy="see `releve lab status`",
        )
    run(["ip", "link", "set", "dev", link, "down"])
    state = Path("/sys/class/net", link, "operstate").read_text().strip()
    _expect(patient, BreakHow.NETWORK, seen=state == "down")
    inside = client.execute(patient.instance, ["cat", "/sys/class/net/eth0/operstate"])
    return Breakage(
        BreakHow.NETWORK,
        f"Pulled the network cable of {patient.instance} ({link})",
        (
            f"the link is {state} outside, {show_server_text(inside.output.strip())} inside",
            "the instance goes on running, and nobody can reach it",
        ),
    )


_ACCIDENTS: Final = {
    BreakHow.EXT4_ERROR: _cause_ext4_error,
    BreakHow.POWER_OFF: _cut_power,
    BreakHow.DISK_FULL: _fill_disk,
    BreakHow.XFS_SHUTDOWN: _cause_xfs_shutdown,
    BreakHow.NETWORK: _cut_network,
}


def _find_device(patient: Patient) -> str:
    return Path(_root_mount(patient).source).name


def _await_read_only(client: Client, patient: Patient) -> None:
    deadline = time.monotonic() + _SEEN_SECONDS
    while _attempt_write(client, patient).exit_code == 0:
        if time.monotonic() >= deadline:
            raise LabError(
                f"{patient.instance} still writes to its root",
                why=f"its mount flags are {_root_options(patient)}",
                remedy="the kernel did not act on the error; choose another way to break it",
            )
        time.sleep(_POLL_SECONDS)


def _expect(patient: Patient, how: BreakHow, *, seen: bool, said: Ended | None = None) -> None:
    if not seen:
        raise LabError(
            f"{how.value} had no effect on {patient.instance}",
            why=_quote(said) if said else "what it should have done cannot be seen",
            remedy="run it again, or choose another way",
        )


def _root_options(patient: Patient) -> str:
    return _root_mount(patient).options


def _root_mount(patient: Patient) -> Mount:
    point = str(patient.root)
    return next(mount for mount in list_mounts_below(patient.root) if mount.point == point)


def _attempt_write(client: Client, patient: Patient) -> Ended:
    block = ["dd", "if=/dev/zero", f"of={_PROBE}", "bs=4096", "count=1", "conv=fsync"]
    return client.execute(patient.instance, block)


def _try_write(client: Client, patient: Patient) -> str:
    ended = _attempt_write(client, patient)
    if ended.exit_code == 0:
        client.execute(patient.instance, ["rm", "--force", _PROBE])
        return "works"
    return _quote(ended)


def _quote(ended: Ended) -> str:
    """The first line of what a command inside said; an instance's words are never trusted."""
    lines = (ended.complaint.strip() or ended.output.strip()).splitlines()
    return show_server_text(lines[0]) if lines else f"exit code {ended.exit_code}"
