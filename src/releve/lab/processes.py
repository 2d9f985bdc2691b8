"""The processes that belong to a lab, told by what nobody else has."""

import os
import signal
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from releve.errors import LabError
from releve.lab.engine import DIRECTORY_VARIABLES, PROGRAM_NAMES
from releve.lab.settings import LabPaths

_GONE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True)
class LabProcess:
    pid: int
    cgroups: tuple[str, ...]


def list_lab_processes(paths: LabPaths, devices: Collection[str]) -> tuple[LabProcess, ...]:
    """The engine's programs started with this lab's directory, and whatever has its root here.

    A shell of a person who has set the variable, or works on the lab's disks, is neither.
    """
    marks = [f"{variable}={paths.daemon}\0" for variable in DIRECTORY_VARIABLES]
    marks.append(f"{paths.daemon}/")  # in an argument: the monitors and dnsmasq
    return tuple(
        LabProcess(pid, _read_cgroups(pid))
        for pid in _list_pids()
        if _is_engine(pid, marks) or _read_root_source(pid) in devices
    )


def kill_processes(processes: Collection[LabProcess]) -> None:
    """SIGKILL, then waits until none is left; LabError when the kernel keeps one."""
    for process in processes:
        _kill(process.pid)
    deadline = time.monotonic() + _GONE_SECONDS
    while left := [process.pid for process in processes if _is_alive(process.pid)]:
        if time.monotonic() >= deadline:
            raise LabError(
                "Some processes of the lab do not end",
                why=f"the kernel still has {', '.join(str(pid) for pid in left)}",
                remedy="run `releve lab down` again; a restart of the machine ends them",
            )
        time.sleep(_POLL_SECONDS)


def _list_pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _is_engine(pid: int, marks: Collection[str]) -> bool:
    process = Path("/proc", str(pid))
    try:
        program = (process / "exe").readlink().name.removesuffix(" (deleted)")
        if program not in PROGRAM_NAMES:
            return False
        said = (process / "environ").read_bytes() + b"\0" + (process / "cmdline").read_bytes()
    except OSError:  # it ended meanwhile, or is the kernel's
        return False
    text = said.decode(errors="replace")
    return any(mark in text for mark in marks)


def _read_root_source(pid: int) -> str:
    try:
        table = Path("/proc", str(pid), "mountinfo").read_text(errors="replace")
    except OSError:
        return ""
    for line in table.splitlines():
        place, _, origin = line.partition(" - ")
        if place.split()[4] == "/":
            return origin.split()[1]
    return ""


def _read_cgroups(pid: int) -> tuple[str, ...]:
    try:
        lines = Path("/proc", str(pid), "cgroup").read_text().splitlines()
    except OSError:
        return ()
    return tuple(line.split(":", 2)[2] for line in lines)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _is_alive(pid: int) -> bool:
    try:
        state = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}
