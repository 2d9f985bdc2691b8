"""The kernel's names of block devices; sysfs and devtmpfs, which need no disk."""

import os
import stat

_DEEPEST = 4  # a partition on a volume on an encrypted disk on a disk


def name_device(numbers, source):
    """`vda1`, `dm-0`; empty where there is none."""
    if numbers[0] != 0:
        found = _name_of_numbers(*numbers)
        if found:
            return found
    if not source.startswith("/dev/"):
        return ""
    try:
        status = os.stat(source)
    except OSError:  # in a container there may be no such node
        return source.rsplit("/", 1)[-1]
    if not stat.S_ISBLK(status.st_mode):
        return ""
    numbers = os.major(status.st_rdev), os.minor(status.st_rdev)
    return _name_of_numbers(*numbers) or source.rsplit("/", 1)[-1]


def list_below(device):
    """The device and those it lies on: partition, disk, members."""
    found = [device]
    level = [device]
    for _ in range(_DEEPEST):
        level = [below for name in level for below in _directly_below(name) if below not in found]
        found += level
    return found


def _name_of_numbers(major, minor):
    try:
        return os.readlink("/sys/dev/block/%d:%d" % (major, minor)).rsplit("/", 1)[-1]
    except OSError:
        return ""


def _directly_below(device):
    place = "/sys/class/block/" + device
    try:
        found = os.listdir(place + "/slaves")
    except OSError:
        found = []
    try:
        if os.path.exists(place + "/partition"):
            found.append(os.readlink(place).split("/")[-2])
    except OSError:
        pass
    return found
