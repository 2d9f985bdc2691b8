"""Which Debian or Ubuntu this machine runs, and what its base image needs to be like one."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from releve.errors import LabError

_PACKAGES: Final = (
    "ca-certificates",
    "cron",
    "dbus",
    "iproute2",
    "iputils-ping",
    "kmod",
    "libpam-systemd",
    "logrotate",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "sudo",
    "systemd",
    "systemd-sysv",
    "udev",
)
# From these versions on, the name resolver is a package of its own.
_RESOLVER_SPLIT: Final = {"debian": (12, 0), "ubuntu": (23, 4)}


@dataclass(frozen=True)
class Release:
    system: str  # debian or ubuntu
    codename: str
    packages: tuple[str, ...]


def read_release() -> Release:
    return choose_release(platform.freedesktop_os_release())


def choose_release(os_release: Mapping[str, str]) -> Release:
    system, codename = os_release.get("ID", ""), os_release.get("VERSION_CODENAME", "")
    if system not in _RESOLVER_SPLIT or not codename:
        raise LabError(
            f"The lab cannot build a base image on {os_release.get('PRETTY_NAME', 'this system')}",
            why="it builds from the machine's own apt sources",
            remedy="use a Debian or Ubuntu machine",
        )
    split = _version(os_release.get("VERSION_ID", "")) >= _RESOLVER_SPLIT[system]
    packages = (*_PACKAGES, "systemd-resolved") if split else _PACKAGES
    return Release(system, codename, packages)


def _version(text: str) -> tuple[int, int]:
    """Testing and unstable state none: newer than any."""
    if not text:
        return (9999, 0)
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)
