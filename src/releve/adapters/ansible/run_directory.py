"""The private directory of one converge: 0700, locked while in use, gone afterwards."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from releve.adapters.ansible import lifeline

_PREFIX = "converge-"
_LOCK = "lock"
_SOCKETS = "sockets"  # holds the name of the directory of ssh's sockets


@dataclass(frozen=True)
class RunDirectory:
    path: Path
    sockets: Path  # short, for a Unix socket path holds 107 bytes

    @property
    def mark(self) -> str:
        return str(self.path)


@contextlib.contextmanager
def open_run_directory(parent: Path) -> Iterator[RunDirectory]:
    """Removed at the end, and by the next converge where this process was killed."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    parent = parent.resolve()
    with _locked(parent / _LOCK):
        _sweep(parent)
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        held = (path / _LOCK).open("wb")
        fcntl.flock(held, fcntl.LOCK_EX)
    with held:
        sockets = Path(tempfile.mkdtemp(prefix="rlv-"))
        (path / _SOCKETS).write_text(str(sockets))
        try:
            yield RunDirectory(path, sockets)
        finally:
            remove(path)


def _sweep(parent: Path) -> None:
    """End what a killed controller left: its Ansible processes, then its directories."""
    for path in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), _locked(path / _LOCK, wait=False):
            lifeline.end_marked(str(path))
            remove(path)


def remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        sockets = Path((path / _SOCKETS).read_text())
        if sockets.name.startswith("rlv-") and sockets.stat().st_uid == os.geteuid():
            shutil.rmtree(sockets, ignore_errors=True)
    shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Without waiting: OSError when a living process holds it."""
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
