"""Leases as locked files: the system frees them when their process dies."""

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from releve.errors import JournalError, RunHeld
from releve.ports.journal import Lease

_TRY_FOR_SECONDS = 0.3  # somebody's is_held takes a lock for an instant


class FileLease(Lease):
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: dict[str, int] = {}  # name to open file

    def hold(self, names: Sequence[str]) -> None:
        taken: dict[str, int] = {}
        try:
            for name in sorted(set(names) - self._held.keys()):
                taken[name] = self._lock(name)
        except (RunHeld, JournalError):
            for file in taken.values():
                os.close(file)
            raise
        self._held |= taken

    def is_held(self, name: str) -> bool:
        if name in self._held:
            return True
        file = self._open(name)
        try:
            return not _try_lock(file, fcntl.LOCK_SH)
        finally:
            os.close(file)

    def verify(self) -> None:
        for name, file in self._held.items():
            if not _is_same_file(file, self._path(name)):
                raise RunHeld(
                    f"the lease on {name} was lost",
                    why=f"{self._path(name)} was deleted or replaced",
                    remedy="See with `releve runs` whether another process goes on with the run",
                )

    def release(self) -> None:
        while self._held:
            os.close(self._held.popitem()[1])

    def _lock(self, name: str) -> int:
        until = time.monotonic() + _TRY_FOR_SECONDS
        while True:
            file = self._open(name)
            if _try_lock(file, fcntl.LOCK_EX) and _is_same_file(file, self._path(name)):
                _sign(file)
                return file
            holder = os.pread(file, 20, 0).decode("ascii", "replace").strip()
            os.close(file)
            if time.monotonic() > until:
                raise _held_elsewhere(name, holder)
            time.sleep(0.02)

    def _open(self, name: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._path(name), flags, 0o600)
        except OSError as error:
            raise JournalError(
                f"no lease can be taken in {self._directory}",
                why=str(error),
                remedy="Make room or make it writable, then resume the run",
            ) from error

    def _path(self, name: str) -> Path:
        """Readable, and different for different names whatever is in them."""
        readable = re.sub(r"[^a-zA-Z0-9]+", "-", name).strip("-")[:40]
        return self._directory / f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _sign(file: int) -> None:
    """For people: the lock holds without it, on a full disk too."""
    with suppress(OSError):
        os.truncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)


def _try_lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_same_file(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _held_elsewhere(name: str, holder: str) -> RunHeld:
    return RunHeld(
        f"another process drives {name}",
        why=f"process {holder} holds the lease" if holder.isdigit() else "",
        remedy="Wait for it, or follow it with `releve runs`",
    )
