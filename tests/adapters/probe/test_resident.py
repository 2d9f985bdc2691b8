"""The parts of the resident program that need no broken disk."""

import ast
import fcntl
import os
import subprocess
import sys
import termios
import time
from array import array
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from releve.adapters.probe.program import build_program, command_for
from releve.model.reading import WriteOutcome
from releve.ports.access import Door
from releve.ports.prober import ProbeOrder
from tests.adapters.probe.running import NONCE, ROOT_DOOR, mount_of, order_for, running_probe

# The program carries no types, so that Python 3.6 may read it.
_ATTEMPTS: Any = import_module("releve.adapters.probe.resident.attempts")
_KERNEL_LOG: Any = import_module("releve.adapters.probe.resident.kernel_log")
_MOUNTS: Any = import_module("releve.adapters.probe.resident.mounts")

SMALL_PIPE = 4096
OLD_PYTHONS = [
    str(path)
    for minor in (6, 7, 8, 9, 10, 12, 13)
    for path in sorted(Path("~/.pyenv/versions").expanduser().glob(f"3.{minor}.*/bin/python3"))
]

# Of a machine with a data volume, a snap, a memory disk, a share, a docker layer, a USB stick, and
# a bind mount of a part of the root.
TABLE = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
26 27 0:6 / /dev rw,nosuid - devtmpfs udev rw,size=1k
27 1 252:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
28 27 252:15 / /boot/efi rw,relatime - vfat /dev/vda15 rw,fmask=0077
30 27 7:0 / /snap/core/1 ro,nodev - squashfs /dev/loop0 ro
31 27 0:40 / /run rw - tmpfs tmpfs rw
32 27 252:16 / /srv/da\\040ta rw - xfs /dev/vdb rw,attr2
33 27 252:1 /srv/www /var/www ro,relatime - ext4 /dev/vda1 rw,errors=remount-ro
34 27 0:50 / /mnt/share rw - nfs4 server:/share rw
35 27 0:51 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,lowerdir=a,upperdir=b
36 31 8:1 / /run/media/stick rw - ext4 /dev/sda1 rw
37 27 0:44 /@home /home rw - btrfs /dev/vdc rw,subvol=/@home
38 27 0:44 /@opt /opt rw - btrfs /dev/vdc rw,subvol=/@opt
39 27 252:32 / /old rw - ext4 /dev/vdd ro,emergency_ro
40 27 252:48 / /twice rw - ext4 /dev/vde rw
41 40 252:64 / /twice rw - xfs /dev/vdf rw,shutdown
"""
FSTAB = """\
# comment
UUID=1 / ext4 errors=remount-ro 0 1
/dev/vdb /srv/da\\040ta xfs defaults,noatime 0 0
/dev/vdc /home btrfs ro,subvol=@home 0 0
/dev/vdg none swap sw 0 0
broken
"""


def test_the_program_is_readable_for_python_3_6() -> None:
    folder = Path(_MOUNTS.__file__).parent
    for module in folder.glob("*.py"):
        ast.parse(module.read_text(), module.name, feature_version=(3, 6))
    text = build_program(ProbeOrder(10.0), nonce=NONCE)
    assert len(text) == 8 + int(text[:8])
    ast.parse(text[8:], feature_version=(3, 6))
    assert len(text) < 100_000  # it is sent to each host at each login


def test_one_of_each_local_file_system_is_looked_at(tmp_path: Path) -> None:
    found = table_of(tmp_path, FSTAB)
    assert list(found) == ["/", "/srv/da ta", "/home", "/opt", "/old", "/twice", "/boot/efi"]
    unwritten = [path for path, mount in found.items() if not mount.is_to_be_written]
    assert unwritten == ["/home", "/boot/efi"]
    assert found["/"].intent == found["/srv/da ta"].intent == "writable"
    assert found["/home"].intent == "read-only"
    assert found["/old"].intent == "unstated"
    assert (found["/old"].read_only, found["/old"].emergency) == (True, True)
    assert not found["/old"].read_only_view
    assert (found["/twice"].filesystem, found["/twice"].emergency) == ("xfs", True)


def test_the_mounts_that_are_wanted_are_looked_at_alone(tmp_path: Path) -> None:
    found = table_of(tmp_path, "", wanted=["/var/www", "/run/media/stick"])
    assert list(found) == ["/var/www", "/run/media/stick"]
    assert found["/var/www"].read_only_view
    assert not found["/var/www"].read_only


@pytest.mark.parametrize(
    ("root", "intent"),
    [
        ("overlay overlay rw,lowerdir=/ro,upperdir=/rw,workdir=/w", "unstated"),
        ("overlay overlay ro,lowerdir=/ro", "read-only"),
        ("squashfs /dev/loop0 ro", "read-only"),
        ("erofs /dev/vda ro", "read-only"),
        ("btrfs /dev/loop1 rw,subvol=/containers/blog", "unstated"),
    ],
)
def test_how_a_root_is_meant_without_fstab(tmp_path: Path, root: str, intent: str) -> None:
    found = table_of(tmp_path, "", table=f"27 1 0:77 /x / rw,relatime - {root}\n")
    assert found["/"].intent == intent


def table_of(
    directory: Path, fstab: str, *, table: str = TABLE, wanted: list[str] | None = None
) -> Mapping[str, Any]:
    path = directory / "mountinfo"
    path.write_text(table)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        found = _MOUNTS.read_mounts(descriptor, _MOUNTS.read_intents(fstab), wanted or [])
    finally:
        os.close(descriptor)
    return {mount.path: mount for mount in found}


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (0, "written"), (30, "read-only"), (5, "io-error"), (117, "io-error"), (108, "io-error"),
        (6, "io-error"), (74, "io-error"), (28, "no-space"), (122, "no-space"), (13, "refused"),
        (1, "refused"), (24, "refused"), (12, "refused"), (2, "refused"), (116, "refused"),
    ],
)  # fmt: skip
def test_an_error_number_has_its_word(code: int, word: str) -> None:
    assert _ATTEMPTS.name_outcome(code) == word


OURS = [
    "EXT4-fs error (device vda1): ext4_journal_check_start:83: comm php: Detected aborted journal",
    "EXT4-fs (vda1): Remounting filesystem read-only",
    "EXT4-fs (vda1): shut down requested (1)",
    "Aborting journal on device vda1-8.",
    "JBD2: Error -5 detected when updating journal superblock for vda1-8.",
    "Buffer I/O error on dev vda1, logical block 0, lost sync page write",
    "blk_update_request: critical medium error, dev vda1, sector 2048 op 0x0:(READ)",
    "XFS (vda1): Log I/O Error Detected. Shutting down filesystem.",
    "XFS (vda1): Metadata corruption detected at xfs_agf_verify+0x12/0x30",
    "BTRFS error (device vda1 state EA): Transaction aborted (error -5)",
    "BTRFS: error (device vda1) in btrfs_commit_transaction:2546: errno=-5 IO failure",
    "BTRFS info (device vda1 state E): forced readonly",
    "INFO: task jbd2/vda1-8:233 blocked for more than 120 seconds.",
    "F2FS-fs (vda1): invalid crc, error",
]
NOT_OURS = [
    "EXT4-fs error (device vda2): ext4_lookup:1: comm x: bad",
    "EXT4-fs error (device vda10): ext4_lookup:1: comm x: bad",
    "EXT4-fs error (device xvda1): ext4_lookup:1: comm x: bad",
    "EXT4-fs (vda1): mounted filesystem with ordered data mode. Opts: errors=remount-ro",
    "EXT4-fs (vda1): re-mounted 1e r/w. Quota mode: none.",
    "EXT4-fs (vda1): error count since last fsck: 3",
    "EXT4-fs (vda1): last error at time 1764126902: ext4_lookup:1: inode 2",
    "EXT4-fs (vda1): recovery complete",
    "XFS (vda1): Ending clean mount",
    "BTRFS info (device vda1): using free-space-tree",
    "usb 1-1: device descriptor read/64, error -71",
    "audit: type=1400 apparmor=DENIED name=/dev/vda1",
    "vda1: detected capacity change from 0 to 65536",
]


@pytest.mark.parametrize(
    ("text", "ours"), [(t, True) for t in OURS] + [(t, False) for t in NOT_OURS]
)
def test_only_lines_of_a_failing_disk_of_this_host_are_taken(text: str, *, ours: bool) -> None:
    log = following_log("vda1")
    log._keep(f"3,812,61234567,-;{text}\n SUBSYSTEM=block")
    assert log.take_lines() == ([[61.234567, "vda1", text]] if ours else [])
    assert log.take_lines() == []


def test_a_flood_of_lines_is_bounded() -> None:
    log = following_log("vda1")
    for number in range(1000):
        log._keep(f"3,{number},1,-;Buffer I/O error on dev vda1, {'x' * 9000}")
    lines = log.take_lines()
    assert len(lines) == 20
    assert max(len(line[2]) for line in lines) == 400


def following_log(device: str) -> Any:
    log = _KERNEL_LOG.KernelLog()
    mount = _MOUNTS.Mount("/", (252, 1), "ext4")
    mount.device = device
    log.follow([mount])
    return log


@pytest.mark.parametrize("python", OLD_PYTHONS, ids=lambda path: Path(path).parent.parent.name)
def test_old_and_new_pythons_run_it(python: str) -> None:
    with running_probe(order_for(Path("/"), interval=0.2), command=(python,)) as probe:
        told, _ = probe.await_reading(lambda reading: reading.sequence >= 2, seconds=20)
        assert mount_of(told, Path("/")).write is WriteOutcome.WRITTEN
        assert probe.stop() == 0
    assert probe.header is not None
    assert f"/{probe.header.python}." in python


def test_it_ends_with_its_connection() -> None:
    with running_probe(order_for(Path("/"))) as probe:
        probe.await_reading(lambda _: True, seconds=20)
        assert probe.stop() == 0


def test_it_ends_where_the_controller_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection may stand for a quarter of an hour after the controller's machine has died."""
    monkeypatch.setattr("releve.adapters.probe.program._LEAST_PATIENCE", 1.5)
    process = start_deaf(interval=0.3)
    began = time.monotonic()
    assert process.wait(10) == 0
    assert time.monotonic() - began > 1.4


def test_it_never_waits_for_a_reader_that_does_not_read() -> None:
    """A full pipe: rounds are left out, and its end is still seen."""
    process = start_deaf(interval=0.02)
    assert process.stdin is not None
    assert process.stdout is not None
    time.sleep(2)
    waiting = array("i", [0])
    fcntl.ioctl(process.stdout, termios.FIONREAD, waiting)
    assert waiting[0] > SMALL_PIPE - 1000
    process.stdin.close()
    assert process.wait(5) == 0


def start_deaf(*, interval: float) -> "subprocess.Popen[bytes]":
    """With nobody who reads what it says, or answers."""
    order = ProbeOrder(interval, mounts=("/",), fstab="")
    argv = [sys.executable, *command_for(ROOT_DOOR)[1:]]
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pipesize=SMALL_PIPE
    )
    assert process.stdin is not None
    process.stdin.write(build_program(order, nonce=NONCE))
    process.stdin.flush()
    return process


def test_certificates_are_read_and_a_missing_one_is_nothing(tmp_path: Path) -> None:
    expires = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=9)
    good = tmp_path / "good.pem"
    good.write_bytes(certificate(expires))
    words = ("-----BEGIN CERTIFICATE-----", "AAAA", "-----END CERTIFICATE-----")
    (tmp_path / "bad.pem").write_text("\n".join(words))
    os.mkfifo(tmp_path / "pipe")
    names = ("good.pem", "bad.pem", "pipe", "none.pem")
    paths = tuple(str(tmp_path / name) for name in names)
    order = ProbeOrder(0.5, mounts=("/",), fstab="", certificates=paths)
    with running_probe(order) as probe:
        told, _ = probe.await_reading(lambda reading: bool(reading.certificates), seconds=20)
    assert [(one.path, one.expires) for one in told.certificates] == [(str(good), expires)]


def certificate(expires: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "blog.example")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(expires - timedelta(days=90))
        .not_valid_after(expires)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def test_without_root_it_asks_sudo_and_never_for_a_password() -> None:
    command = command_for(Door("192.0.2.1", 22, "admin", ()))
    assert command[:3] == ("sudo", "-n", "python3")
    assert all("\n" not in word for word in command)  # csh takes no line end in quotes
