"""Run as `python3 -` on a helper: mount a copy of a dead system disk, without a replay.

Standard library only, Python 3.6 or later. One JSON request in argv: {"mount": bool, "serial",
"mount_point"}; prints {"mounted": bool, "device", "filesystem", "superblock": base64 of the first
64 KiB of the file system}, or {"problem"}. Nothing is written but the mount itself.
"""

import base64
import glob
import json
import os
import subprocess
import sys
from typing import Any, Dict, List, Optional

SUPERBLOCK_BYTES = 65536
# No journal is replayed; a helper of the same image has an XFS of the same UUID mounted already.
OPTIONS = {
    "ext4": "ro,noload",
    "ext3": "ro,noload",
    "xfs": "ro,norecovery,nouuid",
    "btrfs": "ro,rescue=nologreplay",
}
SAFE = "nosuid,nodev,noexec"
ROOT_SIGNS = ("etc/passwd", "etc/os-release", "usr/lib/os-release")
Answer = Dict[str, Any]


def main() -> None:
    request = json.loads(sys.argv[1])
    try:
        answer = examine(request["serial"], request["mount_point"], request["mount"])
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        answer = {"problem": str(error)[:500]}
    print(json.dumps(answer))


def examine(serial: str, mount_point: str, mount: bool) -> Answer:
    disk = find_disk(serial)
    device = find_mounted(mount_point)
    if device is None and mount:
        device = mount_root(disk, mount_point)
    if device is None:
        return {"mounted": False, "device": "", "filesystem": "", "superblock": ""}
    if not device.startswith(disk):
        raise ValueError("something else is mounted at " + mount_point)
    with open(device, "rb") as handle:
        start = handle.read(SUPERBLOCK_BYTES)
    return {
        "mounted": True,
        "device": device,
        "filesystem": probe(device).get("TYPE", ""),
        "superblock": base64.b64encode(start).decode(),
    }


def find_disk(serial: str) -> str:
    """By the serial that the hypervisor gave it; virtio shows the first 20 characters."""
    for path in glob.glob("/sys/block/*"):
        for name in ("serial", "device/serial", "loop/backing_file"):
            read = os.path.basename(read_text(os.path.join(path, name)))
            if len(read) >= 8 and serial.startswith(read):
                return "/dev/" + os.path.basename(path)
    raise ValueError("no block device with serial " + serial)


def mount_root(disk: str, mount_point: str) -> str:
    """The first file system on it that looks like a root; the disk itself where it is whole."""
    os.makedirs(mount_point, exist_ok=True)
    for device in list_parts(disk):
        kind = probe(device).get("TYPE", "")
        if kind not in OPTIONS:
            continue
        run(["blockdev", "--setro", device])
        run(["mount", "-t", kind, "-o", OPTIONS[kind] + "," + SAFE, device, mount_point])
        if any(os.path.lexists(os.path.join(mount_point, sign)) for sign in ROOT_SIGNS):
            return device
        run(["umount", mount_point])
    raise ValueError("no partition of " + disk + " holds a system")


def list_parts(disk: str) -> List[str]:
    """The largest first, as the root nearly always is; then the disk itself."""
    name = os.path.basename(disk)
    parts = [os.path.basename(path) for path in glob.glob("/sys/block/" + name + "/" + name + "*")]
    parts.sort(key=lambda part: -int(read_text("/sys/class/block/" + part + "/size") or 0))
    return ["/dev/" + part for part in parts] + [disk]


def find_mounted(mount_point: str) -> Optional[str]:
    wanted, found = os.path.realpath(mount_point), None
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            fields = line.split(" ")
            if fields[4] == wanted:
                found = fields[fields.index("-") + 2]
    return found


def probe(device: str) -> Dict[str, str]:
    """Empty where there is nothing that could be told."""
    command = ["blkid", "-p", "-o", "export", device]
    done = subprocess.run(  # noqa: S603 - argv list, names from the kernel
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=False
    )
    output = done.stdout.decode("utf-8", "replace")
    return dict(line.split("=", 1) for line in output.splitlines() if "=" in line)


def read_text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            return lines.read().strip().strip("\0")
    except OSError:
        return ""


def run(command: List[str]) -> None:
    done = subprocess.run(  # noqa: S603 - argv list, names from the kernel
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60, check=False
    )
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip()[:300]
        raise ValueError(command[0] + ": " + reason)


if __name__ == "__main__":
    main()
