"""A small system disk made by hand, with whatever a real one may hold."""

import hashlib
import os
import socket
import stat
from pathlib import Path

NS = 10**9
LISTED_AT = 1_700_000_000 * NS


def make_root(root: Path) -> Path:
    """Users, groups, and a package `shop` with one plain file, one conffile and a link."""
    for directory in ("etc", "usr/bin", "var/lib/dpkg/info", "var/log", "root", "proc"):
        (root / directory).mkdir(parents=True, exist_ok=True)
    (root / "bin").symlink_to("usr/bin")
    write(root / "etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n")
    write(root / "etc/group", "root:x:0:\nstaff:x:50:alice\nalice:x:1000:\n")
    write(root / "usr/bin/shop", "#!/bin/sh\necho shop\n", mode=0o755)
    write(root / "etc/shop.conf", "port=80\n")
    (root / "usr/bin/shop-link").symlink_to("shop")
    info = root / "var/lib/dpkg/info"
    write(info / "shop.list", "/.\n/bin\n/bin/shop\n/bin/shop-link\n/etc\n/etc/shop.conf\n")
    write(info / "shop.md5sums", f"{md5(root / 'usr/bin/shop')}  bin/shop\n")
    conffile = md5(root / "etc/shop.conf")
    write(
        root / "var/lib/dpkg/status",
        "Package: shop\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0\n"
        f"Conffiles:\n /etc/shop.conf {conffile}\nDescription: a shop\n\n",
    )
    return root


def write(path: Path, text: str | bytes, *, mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
    path.chmod(mode)
    return path


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def sha256(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def list_now(root: Path, *, package: str = "shop", seconds: float = 1.0) -> None:
    """As dpkg leaves it: the list is written after the files."""
    path = root / f"var/lib/dpkg/info/{package}.list"
    newest = max(os.lstat(root / "usr/bin/shop").st_ctime_ns, os.lstat(path).st_ctime_ns)
    os.utime(path, ns=(newest, newest + int(seconds * NS)))


def make_odd_things(place: Path) -> None:
    """Kinds that must never be opened, and names that are no text."""
    place.mkdir(parents=True, exist_ok=True)
    os.mkfifo(place / "queue.fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "listener.sock"))
    os.mknod(place / "disk", stat.S_IFBLK | 0o600, os.makedev(8, 17))
    os.mknod(place / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    with (place / "image.sparse").open("wb") as image:
        image.truncate(3 << 30)
    for name in (
        b"new\nline",
        b"bad\xff\xfe",
        "caf\u00e9".encode(),
        b" sp ace ",
        b"-rf",
        b"{{ 7 }}",
    ):
        Path(os.fsdecode(os.fsencode(place) + b"/" + name)).write_bytes(b"x=1\n")
    (place / "away").symlink_to("/etc/shadow")
    os.link(place / "-rf", place / "twice")
