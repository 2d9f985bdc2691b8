"""Locks that end with their process and leave no file: names in the abstract socket space."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from releve.errors import LabError

_POLL_SECONDS: Final = 0.05


@contextmanager
def hold_lock(name: str, *, wait_seconds: float, holder: str) -> Iterator[None]:
    """Held machine-wide; LabError naming the holder's work when it is not free in time."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as lock:
        _bind(lock, name, wait_seconds=wait_seconds, holder=holder)
        yield


def _bind(lock: socket.socket, name: str, *, wait_seconds: float, holder: str) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            lock.bind(f"\0releve-lab-{name}")
        except OSError as error:
            if time.monotonic() >= deadline:
                raise LabError(
                    f"Another process is {holder}",
                    why="two at once would disturb each other",
                    remedy="wait for it to end, then run the same command again",
                ) from error
            time.sleep(_POLL_SECONDS)
        else:
            return
