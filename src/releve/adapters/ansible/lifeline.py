"""No Ansible process outlives the controller, whichever of them is killed first."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

MARK = "RELEVE_CONVERGE"  # environment variable that holds the run directory of a process
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def tie_to_parent(parent: int) -> None:
    """SIGTERM when the parent dies; at once when it has died already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends.

    Ansible's workers leave the process group and ssh masters daemonise: a group is not enough.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_descendants(*, seconds: float = 5.0) -> None:
    """SIGKILL until none is left; descendants cannot escape an adopting process."""
    deadline = time.monotonic() + seconds
    while (found := _descendants(os.getpid())) and time.monotonic() < deadline:
        _kill(found)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def end_marked(mark: str) -> int:
    """SIGKILL every process that carries the mark; the number of them."""
    wanted = f"{MARK}={mark}".encode()
    found = [process for process in _processes() if wanted in _environment(process).split(b"\0")]
    _kill(found)
    return len(found)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _descendants(ancestor: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for process in _processes():
        children.setdefault(_parent(process), []).append(process)
    found: list[int] = []
    waiting = [ancestor]
    while waiting:
        born = children.get(waiting.pop(), [])
        found += born
        waiting += born
    return [process for process in found if _status(process)[:1] != ["Z"]]


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _parent(process: int) -> int:
    fields = _status(process)
    return int(fields[1]) if len(fields) > 1 else 0


def _status(process: int) -> list[str]:
    try:
        text = Path(f"/proc/{process}/stat").read_text("ascii", "replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _environment(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/environ").read_bytes()
    except OSError:
        return b""


def _kill(processes: Iterable[int]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)
