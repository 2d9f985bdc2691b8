"""A whole root read by the real program, from outside and inside, against what is really there."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from releve.model.fact_shapes import SHAPES
from releve.model.observed import Fact, FactKind, require_sorted
from releve.scan.request import ScanRequest
from releve.scan.scan import observe, scan_host
from tests.scan.dead_root import (
    NS,
    list_now,
    make_odd_things,
    make_root,
    md5,
    sha256,
    write,
)
from tests.scan.local_access import DOOR, LocalAccess, require_root

SECRET = b"s" * 32
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")
CAPABILITY_OF_A_CONTAINER = bytes.fromhex("010000030004000000000000000000000000000040420f00")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    require_root()
    return make_root(tmp_path / "root")


def scan(root: Path, *, full: bool = False, skip: tuple[str, ...] = ()) -> list[Fact]:
    request = ScanRequest(SECRET, root=str(root), full=full, skip=skip)
    return list(require_sorted(scan_host(LocalAccess(), DOOR, request)))


def files(facts: list[Fact]) -> dict[str, Fact]:
    return {fact.key: fact for fact in facts if fact.kind is FactKind.FILE}


def exclusions(facts: list[Fact]) -> dict[str, str]:
    return {f.key: f.attributes["why"] for f in facts if f.kind is FactKind.EXCLUSION}


def content(root: Path, path: str) -> str | None:
    return files(scan(root))[path].attributes.get("content")


def test_every_path_is_a_fact_once_and_in_order(root: Path) -> None:
    make_odd_things(root / "srv/odd")
    for number in range(2100):
        write(root / f"srv/many/{number}", "")
        if number % 700 == 0:
            write(root / f"srv/many/{number}.d/below", "x")
    found = files(scan(root))
    walked = {"/"} | {
        os.fsdecode(os.fsencode(folder) + b"/" + os.fsencode(name))[len(str(root)) :]
        for folder, names, others in os.walk(root)
        for name in names + others
    }
    assert set(found) == walked


def test_facts_keep_to_their_shapes(root: Path) -> None:
    make_odd_things(root / "srv/odd")
    for fact in scan(root):
        shape = SHAPES[fact.kind]
        assert set(fact.attributes) <= set(shape.attributes)
        assert set(fact.evidence) <= set(shape.evidence)
        assert all(
            type(text) is str for text in (*fact.attributes.values(), *fact.evidence.values())
        )


def test_owner_mode_and_package_of_a_file(root: Path) -> None:
    os.chown(root / "usr/bin/shop", 1000, 50)
    fact = files(scan(root))["/usr/bin/shop"]
    assert fact.attributes["mode"] == "0755"
    assert (fact.attributes["owner"], fact.attributes["group"]) == ("alice", "staff")
    assert fact.evidence["package"] == "shop"


def test_content_is_the_packages_own_or_a_digest(root: Path) -> None:
    assert content(root, "/usr/bin/shop") == "="
    assert content(root, "/etc/shop.conf") == "="
    write(root / "usr/bin/shop", "#!/bin/sh\necho evil\n", mode=0o755)
    write(root / "etc/shop.conf", "port=81\n")
    assert content(root, "/usr/bin/shop") == sha256(root / "usr/bin/shop")
    assert content(root, "/etc/shop.conf") == sha256(root / "etc/shop.conf")


def test_a_file_that_did_not_change_since_it_was_unpacked_is_not_read(root: Path) -> None:
    (root / "var/lib/dpkg/info/shop.md5sums").write_text(f"{'0' * 32}  bin/shop\n")
    list_now(root, seconds=-1)
    assert content(root, "/usr/bin/shop") == sha256(root / "usr/bin/shop")
    list_now(root)
    assert content(root, "/usr/bin/shop") == "="
    found = files(scan(root, full=True))["/usr/bin/shop"]
    assert found.attributes["content"] == sha256(root / "usr/bin/shop")


def test_whatever_touches_a_trusted_file_makes_it_untrusted(root: Path) -> None:
    """Same size, time of change set back: only ctime tells."""
    shop = root / "usr/bin/shop"
    before = shop.stat()
    list_now(root, seconds=0)
    write(shop, shop.read_text().replace("shop", "evil"), mode=0o755)
    os.utime(shop, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert content(root, "/usr/bin/shop") == sha256(shop)


def test_a_file_much_older_than_its_list_is_read(root: Path) -> None:
    """It was not touched by that unpacking: kept, diverted, or left out."""
    write(root / "usr/bin/shop", "an own one\n")
    list_now(root, seconds=700)
    assert content(root, "/usr/bin/shop") == sha256(root / "usr/bin/shop")


def make_imaged(root: Path, *, booted: float = 5.0, lived: float = 1.0) -> None:
    """As an image leaves a machine at its first boot: lists older than all that was unpacked."""
    now = time.time()
    (root / "var/lib/dpkg/info/shop.md5sums").write_text(f"{'0' * 32}  bin/shop\n")
    list_now(root, seconds=-1000)
    write(root / "etc/machine-id", "0" * 32 + "\n")
    os.utime(root / "etc/machine-id", (now + booted, now + booted))
    write(root / "var/lib/systemd/timers/stamp-daily.timer", "")
    os.utime(root / "var/lib/systemd/timers/stamp-daily.timer", (now + lived, now + lived))


def test_what_an_image_brought_is_trusted_from_the_first_boot_on(root: Path) -> None:
    """Unpacked, all its files change at once, and the lists keep the time they were written."""
    own = write(root / "usr/bin/own", "no package's\n")
    make_imaged(root)
    assert content(root, "/usr/bin/shop") == "="
    assert content(root, "/usr/bin/own") == sha256(own)


@pytest.mark.parametrize(
    "life",
    [
        {"booted": -1.0},  # identity from before the unpacking: a copy of a machine that lived
        {"booted": 4000.0},  # so long after, somebody may have been there
        {"lived": -500.0},  # its timers ran before it was unpacked
    ],
)
def test_a_machine_that_lived_before_is_no_image(root: Path, life: dict[str, float]) -> None:
    make_imaged(root, **life)
    assert content(root, "/usr/bin/shop") == sha256(root / "usr/bin/shop")


def test_what_changed_after_the_first_boot_is_read(root: Path) -> None:
    make_imaged(root, booted=0.0)
    time.sleep(0.05)
    before = (root / "usr/bin/shop").stat()
    write(root / "usr/bin/shop", "#!/bin/sh\necho evil\n", mode=0o755)
    os.utime(root / "usr/bin/shop", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert content(root, "/usr/bin/shop") == sha256(root / "usr/bin/shop")


def test_an_edited_conffile_is_never_trusted(root: Path) -> None:
    write(root / "etc/shop.conf", "port=81\n")
    list_now(root)
    fact = files(scan(root))["/etc/shop.conf"]
    assert fact.attributes["content"] == sha256(root / "etc/shop.conf")
    assert fact.evidence["conffile"] == "yes"


def test_a_diverted_file_is_held_against_its_package_where_it_went(root: Path) -> None:
    (root / "usr/bin/shop").rename(root / "usr/bin/shop.distrib")
    write(root / "usr/bin/shop", "an own one\n")
    write(root / "var/lib/dpkg/diversions", "/usr/bin/shop\n/usr/bin/shop.distrib\n:\n")
    list_now(root)
    found = files(scan(root))
    assert found["/usr/bin/shop.distrib"].attributes["content"] == "="
    assert found["/usr/bin/shop"].attributes["content"] == sha256(root / "usr/bin/shop")
    assert "package" not in found["/usr/bin/shop"].evidence


def test_special_files_are_known_by_kind_and_never_opened(root: Path) -> None:
    make_odd_things(root / "srv/odd")
    found = {key.rpartition("/")[2]: fact.attributes for key, fact in files(scan(root)).items()}
    kinds = {name: found[name]["type"] for name in ("queue.fifo", "listener.sock", "disk", "zero")}
    assert kinds == {
        "queue.fifo": "fifo", "listener.sock": "socket", "disk": "block", "zero": "character"
    }  # fmt: skip
    assert (found["disk"]["device"], found["zero"]["device"]) == ("8:17", "1:5")
    assert found["image.sparse"]["content"].endswith(f":{3 << 30}")
    assert found["image.sparse"]["content"].startswith("sampled:")
    assert (found["away"]["type"], found["away"]["target"]) == ("link", "/etc/shadow")
    assert "bad\udcff\udcfe" in found


def test_a_changed_end_of_a_sampled_file_shows(root: Path) -> None:
    make_odd_things(root / "srv/odd")
    before = content(root, "/srv/odd/image.sparse")
    with (root / "srv/odd/image.sparse").open("r+b") as image:
        image.seek(-1, os.SEEK_END)
        image.write(b"x")
    assert content(root, "/srv/odd/image.sparse") != before


@pytest.mark.parametrize(
    ("name", "text", "mode"),
    [
        ("etc/app.key", "x", 0o644),
        ("etc/app.env", "A=1", 0o644),
        ("etc/quiet", "hunter2", 0o600),
        ("etc/tls", "-----BEGIN PRIVATE KEY-----\nabc", 0o644),
        ("etc/app.ini", "db_password = hunter2", 0o644),
        ("opt/.my.cnf", "x", 0o644),
    ],
)
def test_what_could_be_guessed_has_a_keyed_digest(
    root: Path, name: str, text: str, mode: int
) -> None:
    write(root / name, text, mode=mode)
    digest = content(root, f"/{name}")
    assert digest is not None
    assert digest.startswith("hmac:")
    request = ScanRequest(b"another key", root=str(root))
    others = files(list(scan_host(LocalAccess(), DOOR, request)))
    assert others[f"/{name}"].attributes["content"] != digest


def test_stores_that_other_facts_tell_and_known_noise_have_no_content(root: Path) -> None:
    write(root / "var/log/app/today.log", "a line")
    write(root / "var/spool/cron/crontabs/alice", "* * * * * true")
    found = files(scan(root))
    for path, name in {
        "/etc/passwd": "parsed",
        "/var/lib/dpkg/status": "parsed",
        "/var/spool/cron/crontabs/alice": "parsed",
        "/var/log/app/today.log": "unread",
    }.items():
        assert "content" not in found[path].attributes
        assert found[path].evidence[name]
    assert "content" in files(scan(root, full=True))["/var/log/app/today.log"].attributes


def test_what_packages_derive_from_what_is_read_has_no_content(root: Path) -> None:
    derived = (
        "boot/initrd.img-6.1.0-1-amd64",
        "usr/lib/udev/hwdb.bin",
        "usr/share/mime/text/plain.xml",
        "usr/lib/python3/dist-packages/shop/__pycache__/shop.cpython-311.pyc",
    )
    by_hand = (
        "usr/share/mime/packages/shop.xml",
        "usr/local/lib/python3.11/dist-packages/shop/__pycache__/shop.cpython-311.pyc",
        "usr/lib/python3/dist-packages/shop/__pycache__/notes.txt",
        "boot/initrd.img.old/kept",
    )
    for path in (*derived, *by_hand):
        write(root / path, "made")
    found = files(scan(root))
    assert [found[f"/{path}"].evidence.get("unread") for path in derived] == ["derived"] * 4
    assert [found[f"/{path}"].attributes.get("content") for path in derived] == [None] * 4
    assert all("content" in found[f"/{path}"].attributes for path in by_hand)
    whole = files(scan(root, full=True))
    assert all("content" in whole[f"/{path}"].attributes for path in derived)


def test_a_package_s_own_file_is_read_wherever_it_lies(root: Path) -> None:
    place = "usr/lib/udev/hwdb.bin"
    write(root / place, "as shipped")
    info = root / "var/lib/dpkg/info"
    write(info / "hardware.list", f"/.\n/{place}\n")
    write(info / "hardware.md5sums", f"{md5(root / place)}  {place}\n")
    os.utime(info / "hardware.list", ns=(1, 1))
    assert content(root, f"/{place}") == "="
    write(root / place, "by hand")
    assert content(root, f"/{place}") not in {"=", None}


def test_extended_attributes_in_words(root: Path) -> None:
    shop = root / "usr/bin/shop"
    os.setxattr(shop, "user.note", b"\x01\xff")
    os.setxattr(shop, "security.capability", CAPABILITY)
    acl = bytes.fromhex("0200000001000700ffffffff02000500e803000004000500ffffffff")
    acl += bytes.fromhex("10000500ffffffff20000500ffffffff")
    os.setxattr(shop, "system.posix_acl_access", acl)
    os.setxattr(root / "etc", "system.posix_acl_default", acl)
    found = files(scan(root))
    assert found["/usr/bin/shop"].attributes["xattrs"] == "user.note=01ff"
    assert found["/usr/bin/shop"].attributes["capabilities"] == "cap_net_bind_service+ep"
    assert found["/usr/bin/shop"].attributes["acl"] == (
        "group::r-x,mask::r-x,other::r-x,user::rwx,user:alice:r-x"
    )
    assert "default:user:alice:r-x" in found["/etc"].attributes["acl"]


def test_flags_that_forbid_changes(root: Path) -> None:
    path = write(root / "etc/frozen", "x")
    if subprocess.run(["chattr", "+i", str(path)], check=False).returncode != 0:
        pytest.skip("this file system has no such flag")
    try:
        assert files(scan(root))["/etc/frozen"].attributes["flags"] == "immutable"
    finally:
        subprocess.run(["chattr", "-i", str(path)], check=True)


def test_a_shifted_root_is_put_back(root: Path) -> None:
    """A container's root seen from outside: numbers begin at 1,000,000."""
    os.chown(root / "usr/bin/shop", 1000, 50)
    os.setxattr(root / "etc/shop.conf", "security.capability", CAPABILITY)
    before = files(scan(root))
    for folder, names, others in os.walk(root):
        for name in (*names, *others, "."):
            path = os.path.join(folder, name)  # noqa: PTH118 - as os.walk has it
            value = os.lstat(path)
            os.lchown(path, value.st_uid % 10**6 + 10**6, value.st_gid % 10**6 + 10**6)
    os.setxattr(root / "etc/shop.conf", "security.capability", CAPABILITY_OF_A_CONTAINER)
    after = files(scan(root))
    assert {k: f.attributes for k, f in after.items()} == {
        k: f.attributes for k, f in before.items()
    }


def test_what_is_not_entered_is_said(root: Path) -> None:
    write(root / "proc/1/environ", "SECRET=1")
    write(root / "srv/skipped/file", "x")
    (root / "srv/volume").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "volume", str(root / "srv/volume")], check=True)
    try:
        write(root / "srv/volume/inside", "x")
        facts = scan(root, skip=("/srv/skipped",))
    finally:
        subprocess.run(["umount", str(root / "srv/volume")], check=True)
    assert exclusions(facts) == {
        "/proc": "special", "/srv/skipped": "skipped", "/srv/volume": "other-file-system"
    }  # fmt: skip
    found = files(facts)
    assert "/srv/volume/inside" not in found
    assert found["/srv/volume"].attributes == {"type": "directory"}
    sources = [fact.evidence.get("source") for fact in facts if fact.key == "/srv/volume"]
    assert sources == ["volume", None]


def test_an_unreadable_directory_is_said_and_the_rest_is_read(root: Path) -> None:
    """Deeper than any path may be long: opened step by step, then given up."""
    deep = root / "deep"
    deep.mkdir()
    here = os.open(deep, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    facts = scan(root)
    assert list(exclusions(facts).values()).count("unreadable") == 1
    assert "/usr/bin/shop" in files(facts)


def test_a_second_scan_says_only_what_changed_and_knows_the_same(root: Path) -> None:
    for number in range(300):
        write(root / f"srv/{number % 7}/{number}", str(number))
    settle(root)
    access = LocalAccess()
    first = observe(access, DOOR, ScanRequest(SECRET, root=str(root)))
    received = access.received
    second = observe(access, DOOR, ScanRequest(SECRET, root=str(root), earlier=first.spool))
    assert attributes_of(second.facts()) == attributes_of(first.facts())
    assert access.received < received
    write(root / "srv/3/3", "changed")
    (root / "srv/4/4").unlink()
    write(root / "srv/8/new", "new")
    third = observe(access, DOOR, ScanRequest(SECRET, root=str(root), earlier=second.spool))
    fresh = observe(access, DOOR, ScanRequest(SECRET, root=str(root)))
    assert attributes_of(third.facts()) == attributes_of(fresh.facts())
    assert "file /srv/8/new" in attributes_of(third.facts())


def test_a_changed_name_of_an_owner_shows_in_a_second_scan(root: Path) -> None:
    os.chown(root / "usr/bin/shop", 1000, 50)
    settle(root)
    first = observe(LocalAccess(), DOOR, ScanRequest(SECRET, root=str(root)))
    write(root / "etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/:/bin/sh\n")
    request = ScanRequest(SECRET, root=str(root), earlier=first.spool)
    found = {fact.key: fact for fact in observe(LocalAccess(), DOOR, request).facts()}
    assert found["/usr/bin/shop"].attributes["owner"] == "bob"


def attributes_of(facts: object) -> dict[str, Mapping[str, str]]:
    assert hasattr(facts, "__iter__")
    return {f"{fact.kind} {fact.key}": fact.attributes for fact in facts}


def settle(root: Path) -> None:
    """Wait until nothing can have changed within the grain of the clock of the last change."""
    newest = max(
        os.lstat(os.path.join(folder, name)).st_ctime_ns  # noqa: PTH118 - as os.walk has it
        for folder, names, others in os.walk(root)
        for name in (*names, *others)
    )
    while time.time_ns() - newest < 2.2 * NS:
        time.sleep(0.1)
