"""The kernel's log from now on: only lines of a failing disk or file system of this machine."""

import os
import re

from releve.adapters.probe.resident.devices import list_below

_MOST_RECORDS = 2000  # read in one go
_MOST_LINES = 20  # told in one round
_LONGEST = 400
_TELLING = re.compile(
    r"EXT[234]-fs (?:error|\(.{1,80}?\): (?:Remounting filesystem|shut ?down|.{0,200}\berror))"
    r"|EXT[234]-fs.{0,80}: (?:I/O error|failed to convert unwritten|previous I/O error)"
    r"|[Aa]borting journal|JBD2: Error|JBD2.{0,120}\berror|[Dd]etected aborted journal"
    r"|Buffer I/O error|I/O error, dev|lost (?:async )?page write|metadata I/O error"
    r"|critical (?:medium|target|space allocation) error|\bI/O error\b"
    r"|XFS \(.{1,80}?\):.{0,200}(?:error|[Cc]orruption|[Ss]hut(?:ting)? ?down)"
    r"|BTRFS(?:: error| error| critical|.{0,120}forced readonly)"
    r"|F2FS-fs.{0,80}error|FAT-fs \(.{1,80}?\): (?:error|Filesystem has been set read-only)"
    r"|blocked for more than \d+ seconds|timing out command|[Dd]evice offlined"
    r"|attempt to access beyond end of device|rejecting I/O to (?:offline|dead) device|Medium Error"
)
# Sound words, and the memory of earlier errors that ext4 repeats every day.
_HARMLESS = re.compile(
    r"mounted filesystem|re-mounted|recovery complete|error count since last fsck"
    r"|(?:initial|last) error at time|[Oo]rphan cleanup"
)


class KernelLog:
    def __init__(self):
        self.descriptor: int | None = None
        try:
            self.descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self.descriptor, 0, os.SEEK_END)
        except OSError:
            self.descriptor = None
        self._lines = []
        self._disks = {}
        self._names = None

    @property
    def is_readable(self):
        return self.descriptor is not None

    def follow(self, mounts):
        """Lines of these mounts' devices, and of the disks below them, are ours."""
        above: dict[str, list[str]] = {}
        for device in {mount.device for mount in mounts if mount.device}:
            for name in list_below(device):
                above.setdefault(name, []).append(device)
        # a disk that carries one file system is told by that one's name
        self._disks = {
            name: devices[0] if len(devices) == 1 and name not in devices else name
            for name, devices in above.items()
        }
        names = "|".join(sorted(map(re.escape, above), key=len, reverse=True))
        self._names = re.compile(r"(?<![\w-])(?:%s)(?!\w)" % names) if names else None

    def read_on(self):
        """Whether there is a line to tell."""
        before = len(self._lines)
        if self.descriptor is None:
            return False
        for _ in range(_MOST_RECORDS):
            try:
                record = os.read(self.descriptor, 8192)
            except BrokenPipeError:  # some were overwritten unread
                continue
            except OSError:
                break
            if not record:
                break
            self._keep(record.decode("utf-8", "backslashreplace"))
        return len(self._lines) > before

    def take_lines(self):
        """[seconds since start, device, text] of each, once."""
        lines, self._lines = self._lines, []
        return lines

    def _keep(self, record):
        head, _, text = record.partition(";")
        text = text.split("\n", 1)[0][:_LONGEST]
        fields = head.split(",")
        if self._names is None or len(fields) < 3 or not fields[2].isdigit():
            return
        if not _TELLING.search(text) or _HARMLESS.search(text):
            return
        named = self._names.search(text)
        if named and len(self._lines) < _MOST_LINES:
            self._lines.append([int(fields[2]) / 1e6, self._disks[named.group(0)], text])
