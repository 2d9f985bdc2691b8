"""Which parts of a tree are walked, and which of them are read."""

import os
import re

SPECIAL = (b"/proc", b"/sys", b"/dev", b"/run")
_NOISE = (b"/var/log", b"/var/cache", b"/var/lib/apt/lists", b"/var/lib/systemd/catalog")
# made by the packages' own scripts out of files that are read, and made anew at the next upgrade
_DERIVED = re.compile(
    rb"/boot/init(?:rd\.img|ramfs)-[^/]*\Z|/usr/lib/udev/hwdb\.bin\Z"
    rb"|/usr/share/mime/(?!packages/)|/usr/(?:lib|share)/.*/__pycache__/[^/]*\.pyc\Z"
)
_PARSED = (b"/var/lib/dpkg", b"/var/spool/cron/crontabs", b"/var/lib/apt/extended_states")
_STORES = (b"passwd", b"shadow", b"group", b"gshadow", b"subuid", b"subgid")


class Places:
    """`mounts` is a map of mount points to what is mounted there."""

    def __init__(self, mounts, skip, full):
        self._mounts = mounts
        self._skip = frozenset(skip)
        self.special_parents = frozenset(
            os.path.dirname(path) for path in set(mounts) | self._skip | set(SPECIAL)
        )
        self._full = full
        self._unread = {}
        if not full:
            self._unread = {path: {"unread": "noise"} for path in _NOISE}
        self._unread.update((path, {"parsed": "yes"}) for path in _PARSED)
        self._unread.update(
            (b"/etc/" + name + end, {"parsed": "yes"}) for name in _STORES for end in (b"", b"-")
        )

    def explain_closed(self, path):
        """(why, source) of a path that is not entered; None for all others."""
        if path in SPECIAL:
            return "special", ""
        if path in self._mounts:
            return "other-file-system", self._mounts[path]
        return ("skipped", "") if path in self._skip else None

    def explain_unread(self, path):
        """Evidence for a file, or all below a directory, whose content is not looked at."""
        return self._unread.get(path)

    def explain_derived(self, path):
        """The same for a file that no package brought: what it holds, others tell."""
        return {"unread": "derived"} if not self._full and _DERIVED.match(path) else None


def read_mounts(root):
    """As seen from inside `root`; without /proc nothing is known of bind mounts."""
    try:
        with open("/proc/self/mountinfo", "rb") as listed:
            lines = listed.read(8 << 20).split(b"\n")
    except OSError:
        return {}
    mounts = {}
    prefix = root.rstrip(b"/") + b"/"
    for line in lines:
        before, _, after = line.partition(b" - ")
        words = before.split(b" ")
        if len(words) > 4:
            path = _plain(words[4])
            if path.startswith(prefix) and path != prefix:
                mounts[path[len(prefix) - 1 :]] = _source(after)
    return mounts


def _source(words):
    fields = words.split(b" ")
    return _plain(fields[1]).decode("utf-8", "surrogateescape") if len(fields) > 1 else ""


def _plain(word):
    for code, character in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n")):
        word = word.replace(code, character)
    return word.replace(b"\\134", b"\\")
