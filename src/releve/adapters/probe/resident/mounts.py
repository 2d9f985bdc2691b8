"""What is mounted here, and how it is meant to be."""

import os
import re

from releve.adapters.probe.resident.devices import name_device

_NEVER_WRITTEN = frozenset(("squashfs", "iso9660", "erofs", "cramfs", "romfs"))
# A boot partition's FAT is read-only or not by its options; writing to it all day would wear it.
_WRITTEN = frozenset(
    ("ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "jfs", "reiserfs", "nilfs2", "bcachefs", "zfs",
     "fuseblk", "ntfs3")
)  # fmt: skip
_OWN_NUMBERS = frozenset(("btrfs", "bcachefs", "zfs"))  # their files say another device's
# Where programs mount things of their own, which come and go.
_BY_PROGRAMS = re.compile(
    r"\A/(?:run|proc|sys|dev|snap|var/lib/(?:docker|containers|kubelet|lxd|incus)|var/snap)(?:/|\Z)"
)
_MOST = 24
_LONGEST_TEXT = 4 << 20


class Mount:
    def __init__(self, path, numbers, filesystem):
        self.path = path
        self.numbers = numbers  # (major, minor)
        self.filesystem = filesystem
        self.device = ""
        self.intent = "unstated"
        self.is_stated = False  # in fstab
        self.read_only_view = False
        self.read_only = False
        self.emergency = False
        self.is_part = False  # a bind mount, a part of a file system

    @property
    def place(self):
        """What stays the same while it is mounted."""
        return self.path, self.numbers, self.device, self.filesystem

    @property
    def state(self):
        return self.place, self.intent, self.read_only, self.read_only_view, self.emergency

    @property
    def is_to_be_written(self):
        if self.intent == "read-only":
            return False
        return self.filesystem in _WRITTEN or self.path == "/"

    @property
    def has_own_numbers(self):
        return self.filesystem not in _OWN_NUMBERS


def read_mounts(descriptor, intents, wanted):
    """Of an open mountinfo: the mounts to look at, root first. OSError where it cannot be read."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    text = b""
    while len(text) < _LONGEST_TEXT:
        piece = os.read(descriptor, 65536)
        if not piece:
            break
        text += piece
    seen: dict[str, Mount] = {}
    for line in text.decode("utf-8", "surrogateescape").split("\n"):
        mount = _read_line(line, intents)
        if mount is not None:
            # of two mounts on one place the later one is what is seen
            seen.pop(mount.path, None)
            seen[mount.path] = mount
    return choose_mounts(seen.values(), wanted)


def read_intents(text):
    """By mount point, of fstab's text: "writable" or "read-only"."""
    intents = {}
    for line in text.split("\n"):
        fields = line.split()
        if len(fields) < 3 or fields[0].startswith("#") or not fields[1].startswith("/"):
            continue
        options = fields[3].split(",") if len(fields) > 3 else []
        intents[_unescape(fields[1])] = "read-only" if "ro" in options else "writable"
    return intents


def choose_mounts(mounts, wanted):
    """All that are wanted; else all that fstab names, and one of each other local file system."""
    if wanted:
        return [mount for mount in mounts if mount.path in wanted][:_MOST]
    chosen = [mount for mount in mounts if mount.is_stated or mount.path == "/"]
    others = [mount for mount in mounts if mount not in chosen and _is_kept(mount)]
    found = {mount.numbers for mount in chosen if mount.is_to_be_written}
    # the whole before a part, the writable view before a read-only one
    others.sort(key=lambda mount: (mount.is_part, mount.read_only_view, len(mount.path)))
    for mount in others:
        if mount.numbers not in found:
            found.add(mount.numbers)
            chosen.append(mount)
    chosen.sort(key=lambda mount: mount.path != "/")
    return chosen[:_MOST]


def _is_kept(mount):
    return mount.filesystem not in _NEVER_WRITTEN and not _BY_PROGRAMS.match(mount.path)


def _read_line(line, intents):
    before, dash, after = line.partition(" - ")
    left, right = before.split(" "), after.split(" ")
    if not dash or len(left) < 6 or len(right) < 3:
        return None
    numbers = tuple(int(number) for number in left[2].split(":"))
    source = _unescape(right[1])
    mount = Mount(_unescape(left[4]), numbers, right[0])
    if not _is_local(numbers, source, mount):
        return None
    options = right[2].split(",")
    mount.device = name_device(numbers, source)
    mount.is_part = left[3] != "/" and mount.has_own_numbers
    mount.read_only_view = "ro" in left[5].split(",")
    mount.read_only = "ro" in options
    mount.emergency = "emergency_ro" in options or "shutdown" in options
    mount.is_stated = mount.path in intents
    mount.intent = intents.get(mount.path, "unstated")
    live = mount.filesystem == "overlay" and "upperdir=" not in right[2]
    if mount.filesystem in _NEVER_WRITTEN or live:
        mount.intent = "read-only"
    return mount


def _is_local(numbers, source, mount):
    if mount.path == "/":
        return True
    if mount.filesystem.startswith("fuse") and mount.filesystem != "fuseblk":
        return False
    if mount.filesystem in ("devtmpfs", "devpts"):
        return False
    return numbers[0] != 0 or source.startswith("/dev/") or mount.filesystem in _OWN_NUMBERS


def _unescape(text):
    """The kernel and fstab write blanks as octal numbers."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda found: chr(int(found.group(1), 8)), text)
