"""What is read from the disk: in a child of its own, now and then, never because of an alarm."""

import json
import os
import subprocess
import time

from releve.scan.collector.certificates import describe_first
from releve.scan.collector.system import NotChecked

_EVERY_SECONDS = 60.0
_MOST_SECONDS = 30.0
_SYSTEMCTL_SECONDS = 10
_MOST_UNITS = 50
_MOST_CERTIFICATES = 50
_LARGEST_FILE = 1 << 20
_LONGEST_ANSWER = 4 << 20
_LETSENCRYPT = "/etc/letsencrypt/live"
_FAILED = ["systemctl", "list-units", "--state=failed", "--plain", "--full", "--no-legend",
           "--no-pager"]  # fmt: skip


class CalmLook:
    """`found` is the last answer; it stays while newer ones do not come."""

    def __init__(self, settings, nothing):
        self.found: dict[str, object] = {"units": [], "certificates": [], "fstab": None}
        self.descriptor: int | None = None
        self._settings = settings
        self._nothing = nothing
        self._child: int | None = None
        self._began = -_EVERY_SECONDS
        self._answer = b""

    def go_on(self, calm):
        """Start, take what has come, or end it; never waits. Whether there is a new answer."""
        now = time.monotonic()
        if self._child is None:
            if calm and now - self._began >= _EVERY_SECONDS:
                self._start(now)
            return False
        is_new = self._collect(self._child)
        if now - self._began > _MOST_SECONDS:
            self.end()
        return is_new

    def end(self):
        """One that hangs in the kernel stays, and none is started beside it."""
        if self._child is None:
            return
        try:
            os.kill(self._child, 9)
        except OSError:
            return

    def _start(self, now):
        self._began = now
        self._answer = b""
        reader, writer = os.pipe()
        try:
            self._child = os.fork()
        except OSError:
            os.close(reader)
            os.close(writer)
            return
        if self._child == 0:
            _be_the_child(self._settings, self._nothing, writer)
        os.close(writer)
        os.set_blocking(reader, False)
        self.descriptor = reader

    def _collect(self, child):
        while self.descriptor is not None:
            try:
                piece = os.read(self.descriptor, 65536)
            except BlockingIOError:
                return False
            self._answer += piece
            if not piece or len(self._answer) > _LONGEST_ANSWER:
                os.close(self.descriptor)
                self.descriptor = None
        ended, status = os.waitpid(child, os.WNOHANG)
        if not ended:
            return False
        self._child = None
        if status != 0:
            return False
        self.found = json.loads(self._answer.decode("ascii"))
        return True


def _be_the_child(settings, nothing, writer):
    code = 1
    try:
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        found = {
            "units": _list_failed_units(),
            "certificates": _list_certificates(settings["certificates"]),
            "fstab": read_fstab() if settings["fstab"] is None else settings["fstab"],
        }
        with os.fdopen(writer, "wb") as opened:
            opened.write(json.dumps(found).encode("ascii"))
        code = 0
    finally:
        os._exit(code)


def read_fstab():
    """None where it cannot be read."""
    content = _read("/etc/fstab")
    return None if content is None else content.decode("utf-8", "surrogateescape")


def _list_failed_units():
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            _FAILED,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SYSTEMCTL_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = done.stdout[:_LARGEST_FILE].decode("utf-8", "backslashreplace").split("\n")
    return [line.split()[0][:256] for line in lines if line.split()][:_MOST_UNITS]


def _list_certificates(paths):
    found = []
    for path in (paths or _find_certificates())[:_MOST_CERTIFICATES]:
        try:
            described = describe_first(_read(path) or b"")
        except NotChecked:
            continue
        if described and described[1]["expires"]:
            found.append([path, described[1]["expires"]])
    return found


def _find_certificates():
    try:
        names = sorted(os.listdir(_LETSENCRYPT))
    except OSError:
        return []
    paths = ["%s/%s/cert.pem" % (_LETSENCRYPT, name) for name in names]
    return [path for path in paths if os.path.exists(path)]


def _read(path):
    """Of a regular file: a pipe would be waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            return opened.read(_LARGEST_FILE) if os.path.isfile(path) else None
    except OSError:
        return None
