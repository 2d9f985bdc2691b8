"""What turns a bare package tree into a provider-like base image."""

import shutil
from pathlib import Path
from typing import Final

from releve.lab.apt_setup import AptSetup
from releve.lab.commands import run
from releve.lab.release import Release

_NETWORK: Final = """\
[Match]
Name=eth0

[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no
"""
_HOST_KEYS: Final = """\
[Unit]
Description=Make the SSH host keys that are missing
Before=ssh.service ssh.socket

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=multi-user.target ssh.service
"""
_TEMPLATES: Final = {
    "/etc/hostname": "{{ instance.name }}\n",
    "/etc/hosts": (
        "127.0.0.1 localhost\n127.0.1.1 {{ instance.name }}\n"
        "::1 localhost ip6-localhost ip6-loopback\n"
    ),
}
_FILES: Final = {
    "etc/systemd/network/80-lab.network": _NETWORK,
    "etc/systemd/system/lab-host-keys.service": _HOST_KEYS,
    "etc/default/locale": "LANG=C.UTF-8\n",
    "etc/machine-id": "",  # made at boot, without the questions of a first boot
}
# Kernel and hardware belong to the machine below; these would only fail or wait.
_MASKED: Final = (
    "systemd-udev-settle.service",
    "systemd-modules-load.service",
    "systemd-binfmt.service",
    "systemd-firstboot.service",
    "sys-kernel-debug.mount",
    "sys-kernel-config.mount",
    "sys-kernel-tracing.mount",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
)


def furnish(rootfs: Path, *, release: Release, apt: AptSetup) -> None:
    for relative, text in _FILES.items():
        target = rootfs / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    _copy_apt(rootfs, apt)
    inside = ["chroot", str(rootfs)]
    if apt.certificates:
        run([*inside, "update-ca-certificates"])
    run([*inside, "systemctl", "enable", "systemd-networkd.service", "lab-host-keys.service"])
    if "systemd-resolved" in release.packages:
        run([*inside, "systemctl", "enable", "systemd-resolved.service"])
    run([*inside, "systemctl", "mask", *_MASKED])
    for key in (rootfs / "etc" / "ssh").glob("ssh_host_*"):
        key.unlink()
    _link_resolver(rootfs)


def image_templates(directory: Path) -> dict[str, dict[str, object]]:
    """Written into the directory; returns their entries for the image's metadata."""
    entries: dict[str, dict[str, object]] = {}
    for path, text in _TEMPLATES.items():
        name = f"{Path(path).name}.tpl"
        (directory / name).write_text(text)
        entries[path] = {"when": ["create", "copy"], "template": name}
    return entries


def _copy_apt(rootfs: Path, apt: AptSetup) -> None:
    (rootfs / "etc/apt/sources.list").unlink(missing_ok=True)
    for made in (rootfs / "etc/apt/sources.list.d").glob("*"):
        made.unlink()
    for file in apt.files:
        target = rootfs / str(file).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy2(file, target)


def _link_resolver(rootfs: Path) -> None:
    resolver = rootfs / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    resolver.symlink_to("../run/systemd/resolve/stub-resolv.conf")
