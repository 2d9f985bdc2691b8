"""Stay in memory and out of the way."""

import os
import resource

try:
    from ctypes import CDLL, c_size_t, c_void_p
except ImportError:  # a small Python; then the kernel may drop its pages, and has them reread
    CDLL = None  # type: ignore[assignment,misc] # as it is there

_CURRENT, _FUTURE = 1, 2
_POPULATE_READ = 22  # from Linux 5.14 on
_MOST_MAPPINGS = 1000


def settle_down():
    """Whether all of this program stays in memory whatever happens to the disk."""
    os.nice(10)
    os.chdir("/")
    os.umask(0o077)
    locked = _lock_memory()
    if not locked:
        _load_everything()
    return locked


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


def _load_everything():
    """In a container, which may not lock: what is in use is at least the last to be dropped."""
    try:
        advise = CDLL(None).madvise
        with open("/proc/self/maps", "rb") as opened:
            lines = opened.read(1 << 20).split(b"\n")
    except (OSError, AttributeError, TypeError):
        return
    for line in lines[:_MOST_MAPPINGS]:
        fields = line.split()
        if len(fields) > 5 and fields[5].startswith(b"/") and fields[1].startswith(b"r"):
            first, last = (int(place, 16) for place in fields[0].split(b"-"))
            advise(c_void_p(first), c_size_t(last - first), _POPULATE_READ)
