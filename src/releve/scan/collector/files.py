"""Every path of one file system, a directory at a time, in the order of `Fact.order`.

A line holds the entries of a directory, at most a thousand of them; that of each directory among
them follows, and then the rest. Nothing but the way from the root is held in memory.
"""

import errno
import hashlib
import marshal
import os
import stat
import time
from collections import deque

from releve.scan.collector.crew import Crew
from releve.scan.collector.entries import Entries, Frame, Line
from releve.scan.collector.machine import open_quietly

KINDS = ("file", "exclusion")
LIVE = False

_CHUNK = 1000
_MOST_PATH = 4000  # a path that no program could open by its name
_AHEAD = 50  # lines that wait for the files of an earlier one
_SETTLED = 2 * 10**9  # within the grain of ctime a second change would not show
_CONTENT = 6  # its place in an entry
_SHARED_DEPTH = 2  # of the directories whose own directories others walk: /usr/share, /var/lib
_FEW = 8  # directories beside each other, as in /usr/src: each may be so large that others wait


class Walk:
    """`seed` covers all that an entry depends on besides the state of its inode."""

    def __init__(self, tools, known, seed):
        self._output = tools.output
        self._places = tools.places
        self._hashing = tools.hashing
        self._known = known
        self._seed = seed
        self._settled_at = int(time.time() * 10**9) - _SETTLED
        self._waiting: deque[Line | Crew] = deque()  # a crew: its oldest subtree
        self._crew: Crew | None = None
        self._root = os.lstat("/")
        self._entries = Entries(tools, self._root.st_dev)
        self.count = 0

    def walk(self, crew=None):
        """The count of all paths; `crew` takes what lies deep."""
        self._crew = crew
        descriptor = os.open(b"/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        frame = Frame(descriptor, b"", None)
        self._say_root(frame)
        self._walk_from(self._listed(frame))
        return self.count

    def walk_subtree(self, path, unread):
        """The count of its paths; no name on the way may have become a link."""
        self.count = 0
        os.chdir("/")
        frame = Frame(None, path, unread)
        self._walk_from(self._opened(frame, path.split(b"/")[1:]))
        return self.count

    def _walk_from(self, frame):
        stack = [frame]
        while stack:
            frame = stack[-1]
            if frame.directories:
                following = self._enter(frame, frame.directories.pop())
                if following is not None:
                    stack.append(following)
            elif frame.names or not frame.has_line:
                self._read_chunk(frame)
            else:
                stack.pop()
                if frame.descriptor is not None:
                    os.close(frame.descriptor)
        self._flush(0)

    def _say_root(self, frame):
        entry = self._entries.describe(Line(frame), ("/", b"/", self._root))
        self._output.say(["d", None, "", 0, [entry]])
        self.count += 1

    def _enter(self, parent, raw):
        """None where somebody else walks it."""
        path = parent.path + b"/" + raw
        unread = parent.unread or self._places.explain_unread(path)
        if self._crew is not None and _is_shared(parent):
            self._give(self._crew, path, unread)
            return None
        os.fchdir(parent.descriptor)
        return self._opened(Frame(None, path, unread), [raw])

    def _give(self, crew, path, unread):
        while not crew.give(path, unread):
            self._say_oldest()
        self._waiting.append(crew)

    def _opened(self, frame, names):
        """From where this process stands, name by name."""
        if len(frame.path) > _MOST_PATH:
            return self._closed(frame, "the path is too long")
        try:
            for raw in names:
                if frame.descriptor is not None:
                    os.fchdir(frame.descriptor)
                    os.close(frame.descriptor)
                    frame.descriptor = None
                frame.descriptor = open_quietly(raw, os.O_DIRECTORY)
        except OSError as failure:
            return self._closed(frame, failure.strerror)
        return self._listed(frame)

    def _closed(self, frame, reason):
        self._entries.exclude(frame.path, "unreadable", {"error": reason or "unknown"})
        frame.is_whole = False
        return frame

    def _listed(self, frame):
        try:
            os.fchdir(frame.descriptor)
            found = os.listdir(b".")
        except OSError:
            found = self._list_damaged(frame)
        names = [(raw.decode("utf-8", "surrogateescape"), raw) for raw in found]
        names.sort(reverse=True)
        frame.names = names
        return frame

    def _list_damaged(self, frame):
        """A damaged directory may fail halfway: what came before is kept."""
        found = []
        try:
            for entry in os.scandir(b"."):
                found.append(entry.name)  # noqa: PERF401 - kept when it fails
        except OSError as failure:
            self._entries.exclude(
                frame.path or b"/", "unreadable", {"error": failure.strerror or ""}
            )
            frame.is_whole = False
        return found

    def _read_chunk(self, frame):
        line = Line(frame)
        names = frame.names[: -_CHUNK - 1 : -1]
        del frame.names[-_CHUNK:]
        frame.has_line = True
        line.more = 1 if frame.names else 0
        if names:
            os.fchdir(frame.descriptor)
            self._stat_all(line, names)
        self.count += len(line.stats)
        if not self._is_as_before(line):
            self._entries.fill(line)
        frame.directories.reverse()
        frame.has_few = len(frame.directories) < _FEW
        self._waiting.append(line)
        self._flush(_AHEAD)

    def _stat_all(self, line, names):
        stats = line.stats
        for name, raw in names:
            try:
                found = os.lstat(raw)
            except OSError as failure:
                line.is_whole = False
                if failure.errno != errno.ENOENT:
                    path = line.frame.path + b"/" + raw
                    self._entries.exclude(path, "unreadable", {"error": failure.strerror or ""})
                continue
            stats.append((name, raw, found))

    def _is_as_before(self, line):
        """Whether every entry is the one that an earlier scan described; then only that is said."""
        if not line.is_whole:
            return False
        states = [line.more]
        settled_at = self._settled_at
        for _, raw, found in line.stats:
            changed_at = found.st_ctime_ns
            if changed_at >= settled_at:
                return False
            # mode, inode, owner, group, size: by number, which is the fastest way to them
            states.append((raw, changed_at, found[0], found[1], found[4], found[5], found[6]))
        digest = hashlib.blake2b(line.frame.path, key=self._seed, digest_size=8)
        digest.update(marshal.dumps(states, 2))
        line.fingerprint = digest.hexdigest()
        if digest.digest() not in self._known:
            return False
        line.entries = None
        line.frame.directories = [
            raw for _, raw, found in line.stats if stat.S_ISDIR(found.st_mode)
        ]
        line.stats = []
        return True

    def _flush(self, most):
        """Say the lines that are complete; wait for the oldest where too many are not."""
        while self._waiting:
            line = self._waiting[0]
            is_ready = isinstance(line, Line) and all(task.is_ready for _, task in line.tasks)
            if len(self._waiting) <= most and not is_ready:
                return
            self._say_oldest()

    def _say_oldest(self):
        line = self._waiting.popleft()
        if isinstance(line, Line):
            self._finish(line)
        else:
            self.count += line.say_next(self._output)

    def _finish(self, line):
        prefix = line.frame.prefix
        if line.entries is None:
            self._output.say(["s", prefix, line.fingerprint])
            return
        for entry, task in line.tasks:
            self._hashing.wait_for(task)
            entry[_CONTENT] = task.digest
            if task.failure is not None:
                self._entries.note_failure(line, task.name, task.failure)
        if not line.is_whole:
            line.fingerprint = ""
        for entry in line.entries:
            while not entry[-1]:
                entry.pop()
        self._output.say(["d", prefix, line.fingerprint, line.more, line.entries])


def _is_shared(frame):
    depth = frame.path.count(b"/")
    return depth > _SHARED_DEPTH or (depth == _SHARED_DEPTH and not frame.has_few)
