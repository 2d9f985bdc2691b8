"""Run as `python3 -c` on a new instance: put salvaged files where they belong, never over others.

Standard library only, Python 3.6 or later. One JSON request in argv:
{"act": "look", "base", "part", "files": [{"path", "sha256"}]} prints [{"state", "why"}], and
clears away parts that an earlier life left;
{"act": "write", "base", "path", "part", "offset", "parents"} takes the bytes from stdin;
{"act": "finish", "base", "path", "part", "sha256", "mode", "owner", "group", "acl", "mtime",
"backup"} prints {"state", "backup", "notes"}; an empty backup: nothing is replaced.
No link is followed below the base, and nothing outside of it is made.
"""

import errno
import grp
import hashlib
import json
import os
import pwd
import stat
import struct
import sys
from typing import Any, Dict, List, Optional, Tuple

PIECE = 1 << 20
ACL = "system.posix_acl_access"
ACL_USER, ACL_GROUP, NOBODY = 0x02, 0x08, 0xFFFFFFFF
FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
Request = Dict[str, Any]


class Blocked(Exception):
    """Why nothing can be put there, in our own words."""


def main() -> None:
    request = json.loads(sys.argv[1])
    act = {"look": look, "write": write, "finish": finish}[request["act"]]
    print(json.dumps(act(request)))


def look(request: Request) -> List[Dict[str, str]]:
    return [look_at(request, wanted) for wanted in request["files"]]


def look_at(request: Request, wanted: Request) -> Dict[str, str]:
    try:
        directory, name = open_directory(request["base"], wanted["path"])
    except FileNotFoundError:
        return {"state": "absent", "why": ""}
    except (OSError, Blocked) as error:
        return {"state": "blocked", "why": str(error)}
    try:
        clear_away(directory, request["part"])
        return {"state": state_of(directory, name, wanted["sha256"]), "why": ""}
    except OSError as error:
        return {"state": "blocked", "why": os.strerror(error.errno or errno.EIO)}
    finally:
        os.close(directory)


def clear_away(directory: int, part: str) -> None:
    try:
        os.unlink(part, dir_fd=directory)
    except FileNotFoundError:
        return


def state_of(directory: int, name: str, sha256: str) -> str:
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return "absent"
    if not stat.S_ISREG(found.st_mode):
        return "other"
    return "same" if digest(directory, name) == sha256 else "different"


def write(request: Request) -> Dict[str, str]:
    directory, _name = open_directory(request["base"], request["path"], request)
    try:
        flags = os.O_WRONLY | FLAGS | (os.O_CREAT | os.O_TRUNC if not request["offset"] else 0)
        handle = os.open(request["part"], flags, 0o600, dir_fd=directory)
        with os.fdopen(handle, "wb") as part:
            if not stat.S_ISREG(os.fstat(handle).st_mode) or os.fstat(handle).st_nlink != 1:
                raise Blocked("something else lies where its part should be written")
            part.seek(request["offset"])
            for piece in iter(lambda: sys.stdin.buffer.read(PIECE), b""):
                part.write(piece)
    finally:
        os.close(directory)
    return {"state": "writing"}


def finish(request: Request) -> Dict[str, Any]:
    directory, name = open_directory(request["base"], request["path"])
    part = request["part"]
    try:
        if digest(directory, part) != request["sha256"]:
            os.unlink(part, dir_fd=directory)
            raise Blocked("what arrived is not what was read")
        notes = dress(directory, part, request)
        state = state_of(directory, name, request["sha256"])
        backup = put_in_place(directory, name, request, state=state)
        os.fsync(directory)
    finally:
        os.close(directory)
    return {"state": "replaced" if backup else "written", "backup": backup, "notes": notes}


def put_in_place(directory: int, name: str, request: Request, *, state: str) -> str:
    """The name of the backup copy; empty: nothing was there."""
    part, backup = request["part"], request["backup"]
    if state == "absent":
        os.link(part, name, src_dir_fd=directory, dst_dir_fd=directory)
        os.unlink(part, dir_fd=directory)
        return ""
    if state != "different" or not backup:
        os.unlink(part, dir_fd=directory)
        raise Blocked("another file came to lie there meanwhile")
    try:
        os.link(name, backup, src_dir_fd=directory, dst_dir_fd=directory)
    except FileExistsError:
        if inode_of(directory, backup) != inode_of(directory, name):
            raise Blocked("a backup copy of another file lies there") from None
    os.rename(part, name, src_dir_fd=directory, dst_dir_fd=directory)
    return str(backup)


def inode_of(directory: int, name: str) -> int:
    return os.stat(name, dir_fd=directory, follow_symlinks=False).st_ino


def open_directory(base: str, path: str, make: Optional[Request] = None) -> Tuple[int, str]:
    """The directory that the file belongs into, and its name; made as `make` says where missing."""
    parts = [part for part in path.split("/") if part]
    if not parts or ".." in parts or "." in parts:
        raise Blocked("it is no path below the target")
    handle = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    walked = ""
    for part in [part for part in base.split("/") if part] + parts[:-1]:
        walked += "/" + part
        above = handle
        try:
            handle = enter(above, part, walked, make=make)
        finally:
            os.close(above)
    return handle, parts[-1]


def enter(above: int, part: str, walked: str, *, make: Optional[Request]) -> int:
    try:
        return os.open(part, os.O_RDONLY | os.O_DIRECTORY | FLAGS, dir_fd=above)
    except FileNotFoundError:
        if make is None:
            raise
    except OSError as error:
        raise Blocked(
            "%s is a link or no directory (%s)" % (walked, os.strerror(error.errno or 0))
        ) from error
    os.mkdir(part, 0o755, dir_fd=above)
    handle = os.open(part, os.O_RDONLY | os.O_DIRECTORY | FLAGS, dir_fd=above)
    for known in make["parents"]:
        if known["path"] == walked:
            user, group, _notes = find_owners(known)
            os.fchown(handle, user, group)
            os.fchmod(handle, known["mode"] & 0o1777)
    return handle


def dress(directory: int, part: str, request: Request) -> List[str]:
    """Owner by name, mode and ACL; what could not be given, in our own words."""
    user, group, notes = find_owners(request)
    handle = os.open(part, os.O_WRONLY | FLAGS, dir_fd=directory)
    try:
        os.fchown(handle, user, group)
        os.fchmod(handle, request["mode"] & 0o777)
        if request["mode"] & 0o7000:
            notes.append("its setuid, setgid or sticky bit is left out")
        if request["acl"]:
            notes.extend(set_acl(handle, request["acl"]))
        os.utime(handle, ns=(request["mtime"], request["mtime"]))
        os.fsync(handle)
    finally:
        os.close(handle)
    return notes


def find_owners(wanted: Request) -> Tuple[int, int, List[str]]:
    """Numbers here of the names there; root's where nobody has that name."""
    notes = []  # type: List[str]
    user, group = 0, 0
    try:
        user = pwd.getpwnam(wanted["owner"]).pw_uid
    except (KeyError, ValueError):
        notes.append("its owner does not exist here; it belongs to root")
    try:
        group = grp.getgrnam(wanted["group"]).gr_gid
    except (KeyError, ValueError):
        notes.append("its group does not exist here; it belongs to root's")
    return user, group, notes


def set_acl(handle: int, entries: List[List[Any]]) -> List[str]:
    raw = struct.pack("<I", 2)
    try:
        for tag, permissions, name in entries:
            raw += struct.pack("<HHI", tag, permissions, number_of(tag, name))
        os.setxattr(handle, ACL, raw)
    except (OSError, KeyError, ValueError, struct.error):
        return ["its ACL could not be given: it names somebody who is not here"]
    return []


def number_of(tag: int, name: str) -> int:
    if tag == ACL_USER:
        return pwd.getpwnam(name).pw_uid
    return grp.getgrnam(name).gr_gid if tag == ACL_GROUP else NOBODY


def digest(directory: int, name: str) -> str:
    hashed = hashlib.sha256()
    with os.fdopen(os.open(name, os.O_RDONLY | FLAGS, dir_fd=directory), "rb") as content:
        for piece in iter(lambda: content.read(PIECE), b""):
            hashed.update(piece)
    return hashed.hexdigest()


if __name__ == "__main__":
    try:
        main()
    except (OSError, Blocked) as error:
        print(json.dumps({"state": "blocked", "why": str(error)[:300]}))
