"""What is mounted, what is swapped to, and what fstab says."""

import re

from releve.scan.collector.system import NotChecked

KINDS = ("mount", "swap", "fstab")
LIVE = False

_PSEUDO = re.compile(
    r"\A(?:autofs|binfmt_misc|bpf|cgroup|cgroup2|configfs|debugfs|devpts|devtmpfs|efivarfs|fusectl"
    r"|hugetlbfs|mqueue|nsfs|proc|pstore|ramfs|rpc_pipefs|securityfs|selinuxfs|sysfs|tracefs"
    r"|fuse\.gvfsd-fuse|fuse\.lxcfs|fuse\.portal|squashfs|overlay)\Z"
)
_BY_SYSTEMD = re.compile(r"\A/(?:run|dev|sys|proc)(?:/|\Z)|\A/snap/|\A/var/lib/docker/")
_VOLATILE_OPTION = re.compile(r"\A(?:fd|pgrp|pipe_ino|inode64|nr_inodes|size|lockproto)(?:=|\Z)")
_SECRET_OPTION = re.compile(r"\A(password|passwd|pass|secret|credential|token|key)=(.+)\Z", re.I)
_LONGEST_LINE = 16384
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


def collect(system):
    for read in (_fstab, _mounts, _swaps):
        kind = read.__name__[1:].rstrip("s")
        if system.offline and read is not _fstab:
            yield "not_checked", kind, {"why": "needs a running kernel"}, {}
            continue
        try:
            for fact in read(system):
                yield fact
        except NotChecked as failure:
            yield "not_checked", kind, {"why": str(failure)}, {}


def _fstab(system):
    seen: set[str] = set()
    for number, line in _lines(system, "/etc/fstab"):
        fields = line.split()
        if not fields or fields[0].startswith("#"):
            continue
        key = fields[0] if len(fields) > 2 and fields[2] == "swap" else "".join(fields[1:2])
        key = _unescape(key)
        why = ""
        if len(line) > _LONGEST_LINE or _CONTROLS.search(line):
            why = "a line of %d characters, or with control characters" % len(line)
        elif len(fields) < 3:
            why = "%d fields in place of 4" % len(fields)
        elif key in seen:
            why = "a second entry of the same mount point"
        if why:
            yield "not_checked", "fstab:/etc/fstab line %d" % number, {"why": why}, {}
            continue
        seen.add(key)
        options = _options(system, fields[3] if len(fields) > 3 else "defaults")
        source = system.mask(_unescape(fields[0]))
        attributes = {"source": source, "type": fields[2], "options": options}
        yield "fstab", key, attributes, {}


def _mounts(system):
    if system.read("/proc/self/mountinfo") is None:
        raise NotChecked("there is no /proc/self/mountinfo")
    found: dict[str, dict[str, str]] = {}
    for _, line in _lines(system, "/proc/self/mountinfo"):
        before, dash, after = line.partition(" - ")
        left, right = before.split(), after.split()
        if not dash or len(left) < 6 or len(right) < 2:
            continue
        place = _unescape(left[4])
        # of two mounts on one place the later one is what is seen
        found.pop(place, None)
        if _is_told(place, right[0]):
            # which loop device it is says nothing
            source = re.sub(r"\A/dev/loop\d+\Z", "/dev/loop", _unescape(right[1]))
            if left[3] != "/" and right[0] != "tmpfs":
                source += "[" + _unescape(left[3]) + "]"  # a bind mount, or a part of it
            options = _options(system, left[5])
            source = system.mask(source)
            found[place] = {"source": source, "type": right[0], "options": options}
    for place in sorted(found):
        if not _CONTROLS.search(place):
            yield "mount", place, found[place], {}


def _is_told(place, kind):
    if _BY_SYSTEMD.match(place):
        return False
    return not _PSEUDO.match(kind) or (kind == "overlay" and place == "/")


def _swaps(system):
    seen: set[str] = set()
    for _, line in _lines(system, "/proc/swaps"):
        fields = line.split()
        if len(fields) >= 5 and fields[0].startswith("/") and fields[0] not in seen:
            seen.add(fields[0])
            yield "swap", _unescape(fields[0]), {"type": fields[1]}, {}


def _options(system, text):
    shown = []
    for option in text.split(","):
        secret = _SECRET_OPTION.match(option)
        if secret:
            digest = system.keyed_digest(secret.group(2).encode("utf-8", "surrogateescape"))
            shown.append(secret.group(1) + "=" + digest)
        elif option and not _VOLATILE_OPTION.match(option):
            shown.append(option)
    return ",".join(shown)


def _lines(system, path):
    content = system.read(path) or b""
    return enumerate(content.decode("utf-8", "surrogateescape").split("\n"), 1)


def _unescape(text):
    """The kernel and fstab write blanks as octal numbers."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda found: chr(int(found.group(1), 8)), text)
