"""What the kernel counts of a file system's errors; read from sysfs, which needs no disk."""

import os
import time

_EXT4 = frozenset(("ext2", "ext3", "ext4"))  # ext4's code drives all three


class Counters:
    """Kept open, so that not even a name is looked up when it matters."""

    def __init__(self):
        self._open = {}

    def follow(self, mounts):
        """Open them afresh: of what was unmounted meanwhile, the old ones tell nothing."""
        for descriptor in self.descriptors():
            os.close(descriptor)
        wanted = {mount.device: mount.filesystem for mount in mounts if mount.device}
        self._open = {
            device: _open_all(_list_places(device, filesystem))
            for device, filesystem in wanted.items()
        }

    def count(self, device):
        return sum(_read_count(descriptor) for descriptor in self._open.get(device, ()))

    def count_all(self):
        return {device: self.count(device) for device in self._open}

    def descriptors(self):
        """The kernel announces a rise of ext4's there."""
        return {descriptor for found in self._open.values() for descriptor in found}


def describe_last_error(device, filesystem):
    """`function:line at time`, of ext4; empty where there was none, or nothing tells."""
    if filesystem not in _EXT4:
        return ""
    place = "/sys/fs/ext4/" + device + "/last_error_"
    words = [_read_text(place + name) for name in ("func", "line", "time")]
    if not words[0] or not words[2].isdigit():
        return ""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(words[2])))
    return "%s:%s at %s" % (words[0], words[1], moment)


def _list_places(device, filesystem):
    if filesystem in _EXT4:
        return ["/sys/fs/ext4/" + device + "/errors_count"]
    if filesystem == "btrfs":
        return _list_btrfs(device)
    return []


def _list_btrfs(device):
    root = "/sys/fs/btrfs"
    for name in _names(root):
        if os.path.lexists("%s/%s/devices/%s" % (root, name, device)):
            members = "%s/%s/devinfo" % (root, name)
            return ["%s/%s/error_stats" % (members, member) for member in _names(members)]
    return []


def _names(directory):
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _open_all(places):
    found = []
    for place in places[:32]:
        try:
            found.append(os.open(place, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            continue  # an older kernel
    return found


def _read_count(descriptor):
    """One number, or btrfs's lines of a name and a number."""
    try:
        words = os.pread(descriptor, 4096, 0).split()
    except OSError:
        return 0  # unmounted
    return sum(int(word) for word in words if word.isdigit())


def _read_text(path):
    try:
        with open(path, "rb") as opened:
            return opened.read(200).decode("ascii", "replace").strip()
    except OSError:
        return ""
