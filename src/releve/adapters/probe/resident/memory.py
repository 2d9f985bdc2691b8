"""Stay in memory and out of the way."""

import os
import resource

try:
    from ctypes import CDLL
except ImportError:  # a small Python; then the kernel may drop its pages, and has them reread
    CDLL = None  # type: ignore[assignment,misc] # as it is there

_CURRENT, _FUTURE = 1, 2


def settle_down():
    """Whether all of this program stays in memory whatever happens to the disk."""
    os.nice(10)
    os.chdir("/")
    os.umask(0o077)
    return _lock_memory()


def _lock_memory():
    flags = _CURRENT | _FUTURE if _may_lock_everything() else _CURRENT
    try:
        return CDLL(None).mlockall(flags) == 0
    except (OSError, AttributeError, TypeError):
        return False


def _may_lock_everything():
    """With a limit, memory that is asked for later would be refused."""
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    try:
        with open("/proc/self/uid_map", "rb") as opened:
            of_the_machine = opened.read(100).split() == [b"0", b"0", b"4294967295"]
    except OSError:
        return False
    return os.geteuid() == 0 and of_the_machine
