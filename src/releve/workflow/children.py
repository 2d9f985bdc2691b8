"""Process groups that must not outlive this process when it leaves without cleaning up."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_groups: set[int] = set()
_guard = threading.Lock()


@contextmanager
def tracked(process_group: int) -> Iterator[None]:
    """While inside, the group is killed if the run is interrupted."""
    with _guard:
        _groups.add(process_group)
    try:
        yield
    finally:
        with _guard:
            _groups.discard(process_group)


def kill_all() -> None:
    """Safe in a signal handler: takes no lock, and a group that is gone is none to kill."""
    for process_group in tuple(_groups):
        try:
            os.killpg(process_group, signal.SIGKILL)
        except ProcessLookupError:
            continue
