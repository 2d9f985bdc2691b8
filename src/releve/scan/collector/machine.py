"""The machine this program runs on, or the dead root it has put itself into."""

import contextlib
import errno
import hashlib
import hmac
import os
import select
import signal
import stat
import subprocess
import time

from releve.scan.collector.system import NotChecked, System

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENT = {"LC_ALL": "C", "LANG": "C", "PATH": PATH, "HOME": "/root", "SYSTEMD_PAGER": ""}
_MOST_OUTPUT = 16 << 20
_PIECE = 1 << 20
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_ABSENT = (errno.ENOENT, errno.ENOTDIR)


class Machine(System):
    def __init__(self, secret, offline=False, shift=(0, 0)):
        self.offline = offline
        self._secret = secret
        self.shift = shift
        self._device = os.lstat(b"/").st_dev

    def read(self, path, limit=4 << 20):
        try:
            descriptor = self._open(encode_path(path))
        except OSError as failure:
            if failure.errno in _ABSENT:
                return None
            raise NotChecked(explain(path, failure)) from failure
        try:
            return _read_regular(descriptor, path, limit)
        except OSError as failure:
            raise NotChecked(explain(path, failure)) from failure
        finally:
            os.close(descriptor)

    def announce(self, paths):
        for path in paths:
            with contextlib.suppress(OSError):
                descriptor = self._open(encode_path(path))
                announce(descriptor, _PIECE)
                os.close(descriptor)

    def names(self, directory):
        try:
            return sorted(decode(name) for name in os.listdir(encode_path(directory)))
        except OSError as failure:
            if failure.errno in _ABSENT:
                return []
            raise NotChecked(explain(directory, failure)) from failure

    def directories(self, directory):
        return [name for name in self.names(directory) if self._is_directory(directory, name)]

    def owner(self, path):
        try:
            return unshift(os.lstat(encode_path(path)).st_uid, self.shift[0])
        except OSError as failure:
            if failure.errno in _ABSENT:
                return None
            raise NotChecked(explain(path, failure)) from failure

    def target(self, path):
        try:
            return decode(os.readlink(encode_path(path)))
        except OSError as failure:
            if failure.errno in (*_ABSENT, errno.EINVAL):
                return None
            raise NotChecked(explain(path, failure)) from failure

    def run(self, argv, seconds=10, stdin=b""):
        if self.offline:
            raise NotChecked("needs a running system")
        try:
            process = _start(argv)
        except OSError as failure:
            if failure.errno in (*_ABSENT, errno.EACCES):
                return 127, b""
            raise NotChecked(explain(argv[0], failure)) from failure
        try:
            output = _converse(process, stdin, time.monotonic() + seconds)
            return process.wait(), output
        except (_Late, _TooMuch) as failure:
            raise NotChecked("%s %s" % (argv[0], failure)) from failure
        finally:
            _end(process)

    def digest(self, content):
        return "sha256:" + hashlib.sha256(content).hexdigest()

    def keyed_digest(self, content):
        return "hmac:" + hmac.new(self._secret, content, hashlib.sha256).hexdigest()

    def _is_directory(self, directory, name):
        try:
            found = os.lstat(encode_path(directory + "/" + name))
            return stat.S_ISDIR(found.st_mode) and found.st_dev == self._device
        except OSError:
            return False

    def _open(self, path):
        """Links are followed only where root has laid them: a user's may lead anywhere."""
        try:
            return open_quietly(path)
        except OSError as failure:
            if failure.errno != errno.ELOOP:
                raise
        if unshift(os.lstat(path).st_uid, self.shift[0]) != 0:
            raise OSError(errno.ELOOP, "a link that is not root's")
        return os.open(path, _READING & ~os.O_NOFOLLOW)


def open_quietly(path, flags=0):
    """Without a trace in the access time where the kernel allows it; devices do not block."""
    try:
        return os.open(path, _READING | flags | os.O_NOATIME)
    except PermissionError:
        return os.open(path, _READING | flags)


def announce(descriptor, size):
    """Begin to fetch the first `size` bytes; nobody waits for them here."""
    with contextlib.suppress(OSError):
        os.posix_fadvise(descriptor, 0, size, os.POSIX_FADV_WILLNEED)


def unshift(number, shift):
    """The number as it is inside a container whose numbers begin at `shift` from outside."""
    return number - shift if shift and shift <= number < shift + 65536 else number


def decode(raw):
    return raw.decode("utf-8", "surrogateescape")


def encode_path(text):
    return text.encode("utf-8", "surrogateescape")


def explain(path, failure):
    reason = failure.strerror or type(failure).__name__
    return "%s: %s" % (path, reason)


def _read_regular(descriptor, path, limit):
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise NotChecked(path + " is no regular file")
    pieces: list[bytes] = []
    size = 0
    while size <= limit:
        piece = os.read(descriptor, min(_PIECE, limit + 1 - size))
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
    raise NotChecked("%s is over %d bytes" % (path, limit))


class _Late(Exception):
    pass


class _TooMuch(Exception):
    pass


def _start(argv):
    return subprocess.Popen(  # noqa: S603 - argv is the collectors' own, without a shell
        [encode_path(word) for word in argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=_ENVIRONMENT,
        close_fds=True,
        start_new_session=True,
    )


def _converse(process, stdin, deadline):
    """All it says, while it is fed; neither side can make the other wait for ever."""
    pieces: list[bytes] = []
    size = 0
    poll = select.poll()
    poll.register(process.stdout, select.POLLIN | select.POLLHUP)
    _feed(process, stdin)
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise _Late("gave no result in time")
        piece = os.read(process.stdout.fileno(), _PIECE)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > _MOST_OUTPUT:
            raise _TooMuch("says more than %d bytes" % _MOST_OUTPUT)


def _feed(process, stdin):
    """At most what a pipe holds: no collector asks a question that is longer."""
    with contextlib.suppress(OSError):
        process.stdin.write(stdin[:65536])
        process.stdin.close()


def _end(process):
    if process.poll() is None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    process.stdout.close()
