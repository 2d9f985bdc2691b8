"""What must hold between the volumes of one host; pure."""

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from releve.plan.problems import Place, Problem, quote, show_word, suggest
from releve.plan.sizes import parse_size
from releve.plan.types import HostPlan, VolumePlan

_SYSTEM_DIRECTORIES: Final = {
    "/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc",
    "/root", "/run", "/sbin", "/sys", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/sbin",
    "/usr/share", "/var", "/var/cache", "/var/lib",
    "/tmp", "/var/tmp",  # noqa: S108 - names to refuse, nothing is written there
}  # fmt: skip
_SYSTEM_TREES: Final = (
    "/bin/", "/boot/", "/dev/", "/lib/", "/lib64/", "/proc/", "/run/", "/sbin/", "/sys/",
    "/usr/bin/", "/usr/lib/", "/usr/sbin/", "/var/lib/dpkg/", "/var/lib/apt/",
    "/var/lib/systemd/",
)  # fmt: skip
_MOUNT: Final = re.compile(r"/[\w./@+,=-]*")
_UUID: Final = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{4}-[0-9a-f]{4}|[0-9a-f]{16}",
    re.IGNORECASE,
)
_FILESYSTEMS: Final = ("ext4", "xfs", "btrfs", "ext3", "ext2", "f2fs", "vfat", "ntfs3")


def list_volume_problems(host: HostPlan, place: Place) -> Iterator[Problem]:
    for name, volume in host.volumes.items():
        at = (*place, "volumes", name)
        yield from _judge_name(name, at)
        yield from _judge_mount(volume, at)
        yield from _judge_identity(volume, at)
    yield from _judge_nesting(host, place)


def list_filesystem_problems(
    host: HostPlan, place: Place, *, is_mounted: bool
) -> Iterator[Problem]:
    """`is_mounted`: the provider mounts volumes itself, and knows what is on them."""
    for name, volume in host.volumes.items():
        if not volume.filesystem and not is_mounted:
            yield Problem(
                f"volume {show_word(name)} has no filesystem",
                "here a volume is a bare disk, and nothing but a known type is ever mounted",
                "write what `lsblk -f` shows on the host, such as `filesystem: ext4`",
                (*place, "volumes", name),
            )


def _judge_name(name: str, place: Place) -> Iterator[Problem]:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name):
        yield Problem(
            f"the volume name {quote(name)} is not usable",
            "it appears in reports and commands",
            "use letters, digits, dash, dot and underscore",
            place,
        )


def _judge_mount(volume: VolumePlan, place: Place) -> Iterator[Problem]:
    mount, at = volume.mount, (*place, "mount")
    name = f"the mount point {show_word(mount)}"
    plain = posixpath.normpath(mount).replace("//", "/")
    if not mount.startswith("/"):
        yield Problem(
            f"{name} is not absolute",
            "a volume is mounted at one place of the host's file system",
            f"write it from the root: {show_word('/' + mount.lstrip('./'))}",
            at,
        )
    elif plain in _SYSTEM_DIRECTORIES or plain.startswith(_SYSTEM_TREES):
        yield Problem(
            f"{name} belongs to the system",
            "a volume mounted there would hide what the new instance needs to run",
            "mount the data below it, such as /srv/data or /var/lib/mysql",
            at,
        )
    elif plain != mount:
        yield Problem(
            f"{name} is not written plainly",
            "two spellings of one place could be mounted over each other",
            f"write {show_word(plain)}",
            at,
        )
    elif not _MOUNT.fullmatch(mount):
        yield Problem(
            f"{name} holds a character that a mount point cannot safely have",
            "blanks, quotes and backslashes read otherwise in fstab and unit names",
            "use letters, digits and . / @ + , = - _",
            at,
        )


def _judge_identity(volume: VolumePlan, place: Place) -> Iterator[Problem]:
    if volume.uuid and not _UUID.fullmatch(volume.uuid):
        yield Problem(
            f"{quote(volume.uuid)} is not a file system UUID",
            "a UUID is 32 hexadecimal digits in groups of 8-4-4-4-12",
            "copy it from `blkid` or `lsblk -f` on the host, or delete the line",
            (*place, "uuid"),
        )
    if volume.size:
        yield from _judge_size(volume.size, (*place, "size"))
    if volume.filesystem and volume.filesystem not in _FILESYSTEMS:
        yield Problem(
            f"{quote(volume.filesystem)} is not a file system that can be forced at mount",
            f"known are {', '.join(_FILESYSTEMS)}",
            suggest(volume.filesystem, _FILESYSTEMS, otherwise="use one of them"),
            (*place, "filesystem"),
        )


def _judge_size(size: str, place: Place) -> Iterator[Problem]:
    try:
        size_bytes = parse_size(size)
    except ValueError as error:
        yield Problem(f"{quote(size)} is not a size", str(error), "write it such as 20GiB", place)
        return
    if size_bytes == 0:
        yield Problem(
            "a volume of size 0 cannot hold data",
            "the size is compared with what the provider states",
            "write the size the provider states, or delete the line",
            place,
        )


def _judge_nesting(host: HostPlan, place: Place) -> Iterator[Problem]:
    """In the order of the plan, each mount point against those before it."""
    seen: dict[str, str] = {}  # mount point, or a directory above one, to that mount point
    taken: dict[str, str] = {}  # mount point to volume
    for name, volume in host.volumes.items():
        mount, at = volume.mount, (*place, "volumes", name, "mount")
        above = _directories_above(mount)
        other = seen.get(mount) or next((path for path in above if path in taken), "")
        if mount in taken:
            yield Problem(
                f"two volumes have the mount point {show_word(mount)}",
                f"{show_word(taken[mount])} and {show_word(name)} would hide each other",
                "give each volume a mount point of its own",
                at,
            )
        elif other:
            yield Problem(
                f"the mount points {show_word(other)} and {show_word(mount)} are nested",
                "mounted in the wrong order, one would hide the other's data",
                "mount them side by side, such as /srv/data and /srv/backup",
                at,
            )
        taken.setdefault(mount, name)
        for path in above:
            seen.setdefault(path, mount)


def _directories_above(mount: str) -> list[str]:
    """At most 64, the nearest first, without the root."""
    parts = mount.split("/")[:64]
    return ["/".join(parts[:length]) for length in range(len(parts) - 1, 1, -1)]
