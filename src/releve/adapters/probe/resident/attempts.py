"""A real write to a mount, in a child: where the disk hangs, it hangs alone."""

import errno
import os
import re
import signal
import stat
import struct
import time

PREFIX = ".releve-probe-"
_NAME = re.compile(r"\A" + re.escape(PREFIX) + r"[0-9a-f]{16}\Z")
_CONTENT = b"written by releve watch, and removed at once\n"
_MOST_NAMES = 20000  # looked through for what a killed probe left
_OLD_SECONDS = 600.0  # younger ones may be another controller's
_RESULT = struct.Struct("<idQQQQ")  # errno, seconds, bytes in all and free, inodes in all and free

_NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT))
# What file systems and block devices say instead of EIO; the last one is ext4's word for a bad sum.
_IO_ERRORS = frozenset(
    (errno.EIO, errno.EUCLEAN, errno.ESHUTDOWN, errno.ENXIO, errno.ENODEV, errno.ENODATA,
     errno.EREMOTEIO, errno.ETIMEDOUT, errno.ENOLINK, errno.EILSEQ, errno.ENOMEDIUM,
     errno.EBADMSG)
)  # fmt: skip


class Attempt:
    """At most one of a mount is under way; it tells what it found, then tidies up, then ends."""

    def __init__(self, mount, nothing):
        self.began = time.monotonic()
        self.result = None
        reader, told = os.pipe()
        os.set_blocking(reader, False)
        self.descriptor: int | None = reader
        self._child: int | None = None
        try:
            self._child = os.fork()
        except OSError as failure:
            os.close(reader)
            os.close(told)
            self.descriptor = None
            self._fail(failure.errno or errno.EAGAIN)
            return
        if self._child == 0:
            _be_the_child(mount, nothing, told)
        os.close(told)

    @property
    def is_over(self):
        """Its result is here, and no process of it."""
        return self.result is not None and self._child is None

    @property
    def seconds(self):
        return time.monotonic() - self.began

    def collect(self):
        """Never waits."""
        if self.descriptor is not None:
            try:
                told = os.read(self.descriptor, _RESULT.size)
            except BlockingIOError:
                return
            os.close(self.descriptor)
            self.descriptor = None
            if len(told) == _RESULT.size:
                self.result = _RESULT.unpack(told)
        if self._child is not None:
            self._bury(self._child)

    def _bury(self, child):
        try:
            ended, status = os.waitpid(child, os.WNOHANG)
        except ChildProcessError:
            ended, status = child, 0
        if ended:
            self._child = None
        if ended and self.result is None:
            # its own code had to be read from the disk, and could not
            killed_by_disk = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGBUS
            self._fail(errno.EIO if killed_by_disk else errno.ECANCELED)

    def _fail(self, code):
        self.result = (code, 0.0, 0, 0, 0, 0)


def name_outcome(code):
    """The word of the reading for an error number."""
    if code == 0:
        return "written"
    if code == errno.EROFS:
        return "read-only"
    if code in _NO_SPACE:
        return "no-space"
    return "io-error" if code in _IO_ERRORS else "refused"


def _be_the_child(mount, nothing, told):
    try:
        for descriptor in (0, 1, 2):  # a child that hangs must not hold the connection
            os.dup2(nothing, descriptor)
        began = time.monotonic()
        code = _try_write(mount) if mount.is_to_be_written else 0
        seconds = time.monotonic() - began
        os.write(told, _RESULT.pack(code, seconds, *_measure_space(mount.path)))
        os.close(told)
        if mount.is_to_be_written and code == 0:
            _tidy_up(mount.path)
    finally:
        os._exit(0)


def _try_write(mount):
    """An error number; 0 where it was written."""
    try:
        directory = os.open(mount.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as failure:
        return failure.errno or errno.EIO
    try:
        found = os.fstat(directory).st_dev
        if mount.has_own_numbers and (os.major(found), os.minor(found)) != mount.numbers:
            return errno.ESTALE  # something else lies over it, or it is gone
        return _write_file(directory)
    except OSError as failure:
        return failure.errno or errno.EIO


def _write_file(directory):
    name = PREFIX + os.urandom(8).hex()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    opened = os.open(name, flags, 0o600, dir_fd=directory)
    code = 0
    try:
        os.write(opened, _CONTENT)
        os.fsync(opened)
    except OSError as failure:
        code = failure.errno or errno.EIO
    finally:
        try:
            os.unlink(name, dir_fd=directory)
        except FileNotFoundError:  # it hung so long that a later probe took it for a left-over
            pass
        except OSError as failure:
            code = code or failure.errno or errno.EIO
    return code


def _measure_space(path):
    try:
        found = os.statvfs(path)
    except OSError:
        return 0, 0, 0, 0
    block = found.f_frsize or found.f_bsize
    return found.f_blocks * block, found.f_bavail * block, found.f_files, found.f_favail


def _tidy_up(path):
    """Remove what a killed probe left: of this name and owner, small, and of long ago."""
    try:
        for count, entry in enumerate(os.scandir(path)):
            if count >= _MOST_NAMES:
                return
            if _NAME.match(entry.name) and _is_left_over(entry.stat(follow_symlinks=False)):
                os.unlink(entry.path)
    except OSError:
        return  # the next start of the probe tries again


def _is_left_over(status):
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid == os.geteuid()
        and status.st_nlink == 1
        and status.st_size <= len(_CONTENT)
        and time.time() - status.st_mtime > _OLD_SECONDS
    )
