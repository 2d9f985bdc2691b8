"""What a scan says of one path; how to read it is decided here."""

import array
import errno
import fcntl
import os
import stat

from releve.scan.collector.digests import Changed, Task, open_regular
from releve.scan.collector.extended import read_extended
from releve.scan.collector.machine import decode

_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS
_FLAGS = ((0x10, "immutable"), (0x20, "append-only"))
_SIZE, _CONTENT, _PACKAGE, _MORE = 5, 6, 7, 8  # places in an entry


class Frame:
    """A directory on the way from the root to where the walk is."""

    __slots__ = (
        "descriptor", "directories", "has_few", "has_line", "is_whole", "names", "path", "prefix",
        "unread",
    )  # fmt: skip

    def __init__(self, descriptor, path, unread):
        self.descriptor = descriptor
        self.path = path
        self.prefix = decode(path)
        self.unread = unread
        self.names = []  # still to come, the next one last
        self.directories = []  # to be entered before those, the next one last
        self.has_few = False
        self.has_line = False
        self.is_whole = True  # False: not every name could be read


class Line:
    __slots__ = ("entries", "fingerprint", "frame", "is_whole", "more", "stats", "tasks")

    def __init__(self, frame):
        self.frame = frame
        self.entries = []
        self.tasks = []
        self.stats = []
        self.fingerprint = ""
        self.is_whole = frame.is_whole  # False: it must be found out again next time
        self.more = 0


class Entries:
    """Fills lines with what their paths are; large files come later, by their tasks."""

    def __init__(self, tools, device):
        self._output = tools.output
        self._names = tools.names
        self._users, self._groups = tools.names.users, tools.names.groups
        self._places = tools.places
        self._hashing = tools.hashing
        self._ownership = tools.ownership
        self._full = tools.full
        self._device = device
        self._flags_work = True
        self._flags = array.array("L", [0])

    def fill(self, line):
        has_closed = (line.frame.path or b"/") in self._places.special_parents
        start = line.frame.path + b"/"
        for seen in line.stats:
            if has_closed and self._is_closed(line, seen):
                continue
            try:
                line.entries.append(
                    self._describe_trusted(start, seen) or self.describe(line, seen)
                )
            except (OSError, Changed) as failure:
                self.note_failure(line, seen[1], failure)
                line.entries.append(self._bare(seen))
        line.stats = []

    def _describe_trusted(self, start, seen):
        """Nearly every path, so in the fewest words: a package's file as it was unpacked.

        No attribute was added to it either: that moves ctime too.
        """
        name, raw, found = seen
        mode = found.st_mode
        if self._full or mode & 0o170000 != stat.S_IFREG:
            return None
        path = start + raw
        ownership = self._ownership.value
        package = ownership.packages.get(path)
        if (
            package is None
            or not package.trusts(found.st_ctime_ns, mode)
            or path in ownership.conffiles  # may have been edited, and then kept by an unpacking
        ):
            return None
        user, group = self._users[found.st_uid], self._groups[found.st_gid]
        changed, size = found[stat.ST_MTIME], found.st_size
        return [name, mode, user, group, changed, size, "=", package.name]

    def _is_closed(self, line, seen):
        name, raw, found = seen
        path = line.frame.path + b"/" + raw
        reason = self._places.explain_closed(path)
        if reason is None:
            return False
        why, source = reason
        self.exclude(path, why, {"source": source} if source else {})
        line.entries.append([name, stat.S_IFMT(found.st_mode), "", "", 0, 0, "", "", {"closed": 1}])
        line.is_whole = False
        return True

    def _bare(self, seen):
        name, _, found = seen
        user, group = self._users[found.st_uid], self._groups[found.st_gid]
        return [name, found.st_mode, user, group, found[stat.ST_MTIME], found.st_size, "", "", {}]

    def describe(self, line, seen):
        _, raw, found = seen
        entry = self._bare(seen)
        kind = stat.S_IFMT(found.st_mode)
        if kind == stat.S_IFREG:
            self._read_file(line, seen, entry)
            return entry
        if kind == stat.S_IFDIR:
            self._look_at_directory(line, seen, entry)
            return entry
        package = self._ownership.value.packages.get(line.frame.path + b"/" + raw)
        entry[_PACKAGE] = package.name if package else ""
        if kind == stat.S_IFLNK:
            entry[_MORE]["target"] = decode(os.readlink(raw))
        else:
            entry[_MORE].update(read_extended(raw, self._names))
        if kind in (stat.S_IFCHR, stat.S_IFBLK):
            device = found.st_rdev
            entry[_MORE]["device"] = "%d:%d" % (os.major(device), os.minor(device))
        return entry

    def _look_at_directory(self, line, seen, entry):
        _, raw, found = seen
        entry[_SIZE] = 0
        entry[_MORE].update(read_extended(raw, self._names))
        if found.st_dev != self._device:
            path = line.frame.path + b"/" + raw
            self.exclude(path, "other-file-system", {})
            line.is_whole = False
            return
        entry[_CONTENT] = "+"
        if raw != b"/":
            line.frame.directories.append(raw)

    def _read_file(self, line, seen, entry):
        _, raw, found = seen
        path = line.frame.path + b"/" + raw
        ownership = self._ownership.value
        package = ownership.packages.get(path)
        conffile = ownership.conffiles.get(path)
        more = entry[_MORE]
        if conffile:
            more["conffile"] = "yes"
        shipped = conffile
        if package:
            entry[_PACKAGE] = package.name
            if not conffile and not self._full and package.is_imaged(found.st_ctime_ns):
                entry[_CONTENT] = "="
                if found.st_mode & 0o111:  # the image's makers may have given it capabilities
                    more.update(read_extended(raw, self._names))
                return
            shipped = conffile or package.digest_of(path)
        more.update(read_extended(raw, self._names))
        unread = line.frame.unread or self._places.explain_unread(path)
        if not unread and not shipped:
            unread = self._places.explain_derived(path)
        if unread:
            more.update(unread)
            return
        task = Task(open_regular(raw), raw, found)
        task.shipped = shipped
        self._read_flags(task.descriptor, more)
        self._hashing.start(task)
        line.tasks.append((entry, task))

    def _read_flags(self, descriptor, more):
        if not self._flags_work:
            return
        flags = self._flags
        try:
            fcntl.ioctl(descriptor, _GET_FLAGS, flags)
        except OSError as failure:
            self._flags_work = failure.errno not in (errno.ENOTTY, errno.EINVAL)
            return
        words = [word for bit, word in _FLAGS if flags[0] & bit]
        if words:
            more["flags"] = ",".join(words)

    def note_failure(self, line, raw, failure):
        line.is_whole = False
        path = line.frame.path + b"/" + raw
        if isinstance(failure, Changed):
            self.exclude(path, "changed", {})
        else:
            error = getattr(failure, "strerror", "") or type(failure).__name__
            self.exclude(path, "unreadable", {"error": error})

    def exclude(self, path, why, evidence):
        self._output.say(["f", "exclusion", decode(path), {"why": why}, evidence])
