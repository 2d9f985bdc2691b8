"""Fed to `python3 -` on a helper: tell and read chosen files of a mounted dead root.

Standard library only, Python 3.6 or later; reads, writes nothing there. One JSON request in argv,
{"root", "paths", "most_files", "most_each", "most_bytes"}: prints one JSON line for each regular
file, directory and thing left out. Or {"root", "path", "offset", "length"}: prints those bytes.
No link is followed, and no other file system entered.
"""

import errno
import hashlib
import json
import os
import stat
import struct
import sys
from typing import Any, Dict, Iterator, List

PIECE = 1 << 20
MOST_DEPTH = 100
ACL = "system.posix_acl_access"
ACL_USER, ACL_GROUP = 0x02, 0x08  # entries that name somebody
Line = Dict[str, Any]


class LeftOut(Exception):
    """Why one path is not told: its own words."""


def main() -> None:
    request = json.loads(sys.argv[1])
    if "offset" in request:
        send_bytes(request)
        return
    for line in Source(request).tell():
        print(json.dumps(line))


class Source:
    def __init__(self, request: Dict[str, Any]) -> None:
        self.root = request["root"]
        self.paths = request["paths"]  # type: List[str]
        self.files_left = request["most_files"]
        self.bytes_left = request["most_bytes"]
        self.most_each = request["most_each"]
        self.users = read_names(self.root, "/etc/passwd")
        self.groups = read_names(self.root, "/etc/group")
        self.device = os.stat(self.root).st_dev
        self.told = {}  # type: Dict[str, bool]

    def tell(self) -> Iterator[Line]:
        for path in self.paths:
            yield from self.tell_ancestors(path)
            yield from self.tell_path(path, 0)

    def tell_ancestors(self, path: str) -> Iterator[Line]:
        parts = path.strip("/").split("/")[:-1]
        for count in range(1, len(parts) + 1):
            ancestor = "/" + "/".join(parts[:count])
            try:
                handle = open_beneath(self.root, ancestor, os.O_DIRECTORY)
            except (OSError, LeftOut):
                return
            with Closing(handle):
                yield from self.tell_directory(ancestor, os.fstat(handle))

    def tell_directory(self, path: str, found: os.stat_result) -> Iterator[Line]:
        if path not in self.told:
            self.told[path] = True
            yield dict(self.owners(found), type="directory", path=path)

    def tell_path(self, path: str, depth: int) -> Iterator[Line]:
        try:
            handle = open_beneath(self.root, path, 0)
        except (OSError, LeftOut) as error:
            yield {"type": "left_out", "path": path, "why": explain(error)}
            return
        with Closing(handle):
            try:
                yield from self.tell_handle(handle, path, depth)
            except (OSError, LeftOut) as error:
                yield {"type": "left_out", "path": path, "why": explain(error)}

    def tell_handle(self, handle: int, path: str, depth: int) -> Iterator[Line]:
        found = os.fstat(handle)
        if found.st_dev != self.device:
            raise LeftOut("it lies on another file system")
        if stat.S_ISDIR(found.st_mode):
            if depth >= MOST_DEPTH:
                raise LeftOut("it is nested too deep")
            yield from self.tell_directory(path, found)
            for name in sorted(os.listdir(handle)):
                yield from self.tell_path(os.path.join(path, name), depth + 1)
        elif stat.S_ISREG(found.st_mode):
            yield self.tell_file(handle, path, found)
        else:
            raise LeftOut("it is neither a regular file nor a directory")

    def tell_file(self, handle: int, path: str, found: os.stat_result) -> Line:
        if found.st_size > self.most_each:
            raise LeftOut("it is larger than %d bytes" % self.most_each)
        if self.files_left <= 0 or found.st_size > self.bytes_left:
            raise LeftOut("the bound of one salvage is reached: name less")
        self.files_left -= 1
        self.bytes_left -= found.st_size
        return dict(
            self.owners(found),
            type="file",
            path=path,
            size=found.st_size,
            mtime=found.st_mtime_ns,
            sha256=digest(handle, found.st_size),
            acl=self.acl(handle),
        )

    def owners(self, found: os.stat_result) -> Line:
        return {
            "mode": stat.S_IMODE(found.st_mode),
            "owner": self.users.get(found.st_uid, str(found.st_uid)),
            "group": self.groups.get(found.st_gid, str(found.st_gid)),
        }

    def acl(self, handle: int) -> List[List[Any]]:
        """Tag, permissions and a name where it has one; empty: no more than the mode says."""
        try:
            raw = os.getxattr(handle, ACL)
        except OSError:
            return []
        entries = []
        for tag, permissions, number in struct.iter_unpack("<HHI", raw[4:]):
            names = {ACL_USER: self.users, ACL_GROUP: self.groups}.get(tag, {})
            name = names.get(number, str(number)) if tag in (ACL_USER, ACL_GROUP) else ""
            entries.append([tag, permissions, name])
        return entries


class Closing:
    """A file descriptor, closed at the end of the block."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def __enter__(self) -> int:
        return self.handle

    def __exit__(self, *_error: Any) -> None:
        os.close(self.handle)


def send_bytes(request: Dict[str, Any]) -> None:
    with Closing(open_beneath(request["root"], request["path"], 0)) as handle:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise LeftOut("it is no regular file any more")
        left, offset = request["length"], request["offset"]
        while left > 0:
            piece = os.pread(handle, min(left, PIECE), offset)
            if not piece:
                break
            sys.stdout.buffer.write(piece)
            left, offset = left - len(piece), offset + len(piece)
    sys.stdout.buffer.flush()


def open_beneath(root: str, path: str, flags: int) -> int:
    """Opens each part of the path below the one before; a link anywhere is refused."""
    parts = [part for part in path.split("/") if part]
    if ".." in parts or not parts:
        raise LeftOut("it is no path below the root")
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for number, part in enumerate(parts, start=1):
        above = handle
        try:
            handle = open_part(above, part, flags if number == len(parts) else os.O_DIRECTORY)
        finally:
            os.close(above)
    return handle


def open_part(above: int, part: str, flags: int) -> int:
    try:
        return os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | flags, dir_fd=above)
    except OSError as error:
        try:
            target = os.readlink(part, dir_fd=above)
        except OSError:
            raise error from None
        raise LeftOut("%s is a link to %s; name that path instead" % (part, target)) from error


def digest(handle: int, size: int) -> str:
    hashed, offset = hashlib.sha256(), 0
    while offset < size:
        piece = os.pread(handle, PIECE, offset)
        if not piece:
            raise LeftOut("it ends before its size")
        hashed.update(piece)
        offset += len(piece)
    return hashed.hexdigest()


def read_names(root: str, path: str) -> Dict[int, str]:
    """Number to name, from passwd or group of the dead root itself."""
    names = {}  # type: Dict[int, str]
    try:
        with Closing(open_beneath(root, path, 0)) as handle:
            content = os.pread(handle, 4 << 20, 0)
    except (OSError, LeftOut):
        return names
    for line in content.decode("utf-8", "surrogateescape").splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2].isdigit():
            names.setdefault(int(fields[2]), fields[0])
    return names


def explain(error: Exception) -> str:
    if isinstance(error, OSError):
        return os.strerror(error.errno or errno.EIO)
    return str(error)


if __name__ == "__main__":
    main()
