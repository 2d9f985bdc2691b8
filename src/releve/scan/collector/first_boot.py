"""When a machine that was unpacked from an image began to live.

An unpacking gives every file a new ctime and leaves the mtimes of dpkg's lists behind, so that the
ctime rule trusts nothing of it. What changed between the unpacking and the first boot is the
image's own, as nobody was there to change it.
"""

import os

_IDENTITY = b"/etc/machine-id"  # empty in an image, written once at the first boot
_INFO = b"/var/lib/dpkg/info/"
_TIMERS = b"/var/lib/systemd/timers"  # a stamp older than the unpacking: it has lived before
_LONGEST = 3600 * 10**9  # from the unpacking to the first boot, in nanoseconds


def find_first_boot():
    """(earliest, latest) ctime of the image's own files in nanoseconds; None where it cannot be.

    A machine copied file by file keeps the mtimes of its former life: it is not taken for new.
    """
    try:
        booted = os.lstat(_IDENTITY).st_mtime_ns
        unpacked = min(_list_changes())  # of a package that was never upgraded since
    except (OSError, ValueError):
        return None
    if not booted - _LONGEST <= unpacked <= booted or _has_lived_before(unpacked):
        return None
    return booted - _LONGEST, booted


def _list_changes():
    names = [name for name in os.listdir(_INFO) if name.endswith(b".list")]
    return [os.lstat(_INFO + name).st_ctime_ns for name in names]


def _has_lived_before(unpacked):
    try:
        names = os.listdir(_TIMERS)
    except OSError:
        return False
    return any(os.lstat(_TIMERS + b"/" + name).st_mtime_ns < unpacked for name in names)
