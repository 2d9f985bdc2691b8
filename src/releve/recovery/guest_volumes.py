"""Fed to `python3 -` on an instance: identify volumes, and mount the block ones.

Standard library only, Python 3.6 or later; nothing is written but the mounts themselves. Reads
one JSON request from argv: {"mount": bool, "volumes": [{"name", "mount_point", "device_serial",
"filesystem"}]}. Prints one JSON list: {"name", "device", "filesystem_uuid", "size_bytes",
"mount_point", "mounted", "inner_path", "owners"}, or {"name", "problem"}. Owners: name at its top
to "uid:gid", for at most 200.
"""

import fcntl
import glob
import itertools
import json
import os
import struct
import subprocess
import sys
from typing import Any, Dict, List, Optional, Tuple

FS_IOC_GETFSUUID = 0x80111500  # _IOR(0x15, 0, struct fsuuid2), Linux 6.9
MOST_LISTED = 5000
MOST_OWNERS = 200
SAFE_OPTIONS = "nosuid,nodev"
Volume = Dict[str, Any]


def main() -> None:
    request = json.loads(sys.argv[1])
    print(json.dumps([examine(volume, request["mount"]) for volume in request["volumes"]]))


def examine(volume: Volume, mount: bool) -> Volume:
    try:
        if volume["device_serial"]:
            return examine_block(volume, mount)
        return examine_mounted(volume)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return {"name": volume["name"], "problem": str(error)[:500]}


def examine_mounted(volume: Volume) -> Volume:
    """A volume that the provider itself mounted in this instance."""
    found = find_mount(volume["mount_point"])
    if found is None:
        return {"name": volume["name"], "problem": "nothing is mounted there"}
    inner_path, device = found
    statistics = os.statvfs(volume["mount_point"])
    return {
        "name": volume["name"],
        "device": device,
        "filesystem_uuid": read_uuid(volume["mount_point"], device),
        "size_bytes": statistics.f_blocks * statistics.f_frsize,
        "mount_point": volume["mount_point"],
        "mounted": True,
        "inner_path": inner_path,
        "owners": list_owners(volume["mount_point"]),
    }


def examine_block(volume: Volume, mount: bool) -> Volume:
    """A block device, found by its serial: its letter says nothing about which one it is."""
    device = find_device(volume["device_serial"])
    facts = probe_device(device)
    if facts.get("TYPE") != volume["filesystem"]:
        held = facts.get("TYPE", "nothing")
        raise ValueError(f"holds {held!r}, the plan says {volume['filesystem']!r}")
    mounted = find_mount(volume["mount_point"]) is not None
    if mount and not mounted:
        mount_device(device, volume)
        mounted = True
    return {
        "name": volume["name"],
        "device": device,
        "filesystem_uuid": facts.get("UUID", ""),
        "size_bytes": int(run(["blockdev", "--getsize64", device])),
        "mount_point": volume["mount_point"],
        "mounted": mounted,
        "inner_path": "/",
        "owners": list_owners(volume["mount_point"]) if mounted else {},
    }


def list_owners(directory: str) -> Dict[str, str]:
    """Names in ASCII with escapes, as hostile as their bytes may be."""
    owners = {".": format_owner(os.lstat(directory))}
    with os.scandir(directory) as found:
        listed = sorted(itertools.islice(found, MOST_LISTED), key=lambda entry: entry.name)
    for entry in listed[:MOST_OWNERS]:
        owners[ascii(entry.name)[1:-1]] = format_owner(entry.stat(follow_symlinks=False))
    return owners


def format_owner(status: os.stat_result) -> str:
    return "%d:%d" % (status.st_uid, status.st_gid)


def find_mount(mount_point: str) -> Optional[Tuple[str, str]]:
    wanted, found = os.path.realpath(mount_point), None
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            fields = line.split(" ")
            if unescape(fields[4]) == wanted:
                after = fields[fields.index("-") + 1 :]
                found = (unescape(fields[3]), unescape(after[1]))
    return found


def unescape(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def read_uuid(mount_point: str, device: str) -> str:
    return uuid_by_ioctl(mount_point) or uuid_of_btrfs(device)


def uuid_by_ioctl(mount_point: str) -> str:
    handle = os.open(mount_point, os.O_RDONLY)
    try:
        answer = fcntl.ioctl(handle, FS_IOC_GETFSUUID, b"\0" * 17)
    except OSError:  # an older kernel, or a file system without it
        return ""
    finally:
        os.close(handle)
    length, raw = struct.unpack("B16s", answer)
    return format_uuid(raw) if length == 16 else ""


def format_uuid(raw: bytes) -> str:
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def uuid_of_btrfs(device: str) -> str:
    for path in glob.glob("/sys/fs/btrfs/*/devices/" + os.path.basename(device)):
        return path.split("/")[4]
    return ""


def find_device(serial: str) -> str:
    for path in glob.glob("/sys/block/*"):
        for name in ("serial", "device/serial", "loop/backing_file"):
            if serial_matches(os.path.join(path, name), serial):
                return "/dev/" + os.path.basename(path)
    raise ValueError(f"no block device with serial {serial}")


def serial_matches(path: str, serial: str) -> bool:
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            read = os.path.basename(lines.read().strip())
    except OSError:
        return False
    return len(read) >= 8 and (serial == read or serial.startswith(read))


def probe_device(device: str) -> Dict[str, str]:
    output = run(["blkid", "-p", "-o", "export", device])
    return dict(line.split("=", 1) for line in output.splitlines() if "=" in line)


def mount_device(device: str, volume: Volume) -> None:
    os.makedirs(volume["mount_point"], exist_ok=True)
    run(["mount", "-t", volume["filesystem"], "-o", SAFE_OPTIONS, device, volume["mount_point"]])


def run(command: List[str]) -> str:
    done = subprocess.run(  # noqa: S603 - argv list, names from the plan
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False
    )
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip()[:300]
        raise ValueError(f"{command[0]}: {reason}")
    return done.stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    main()
