"""LXD or Incus: what is installed decides, and every name that differs is here."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from releve.errors import LabError


@dataclass(frozen=True)
class Engine:
    name: str  # lxd or incus; also its nftables table
    daemon: str  # absolute path of the daemon's program
    client: str
    directory_variable: str
    client_variable: str
    socket_group: str = "root"

    @property
    def program_names(self) -> frozenset[str]:
        """Programs that the daemon starts or is; a lab's own are told by their environment."""
        return frozenset({Path(self.daemon).name, "dnsmasq"})


Finder = Callable[[str], str | None]

_LXD_DAEMONS: Final = ("lxd", "/usr/sbin/lxd", "/usr/lib/lxd/lxd")
_INCUS_DAEMONS: Final = ("incusd", "/usr/libexec/incus/incusd", "/opt/incus/bin/incusd")


def choose_engine(find: Finder = shutil.which) -> Engine:
    """LXD where Debian packaged it, else Incus; LabError with the apt command when neither."""
    client, daemon = _first(find, ("lxc",)), _first(find, _LXD_DAEMONS)
    if client and daemon and not _is_snap(daemon):
        return Engine("lxd", daemon, client, "LXD_DIR", "LXD_CONF")
    incus_client, incus_daemon = _first(find, ("incus",)), _first(find, _INCUS_DAEMONS)
    if incus_client and incus_daemon:
        return Engine("incus", incus_daemon, incus_client, "INCUS_DIR", "INCUS_CONF")
    raise LabError(
        "Neither LXD nor Incus is installed",
        why=(
            "LXD from a snap runs one daemon only, and a lab starts its own"
            if daemon and _is_snap(daemon)
            else "the lab's hosts are their containers"
        ),
        remedy="apt-get install lxd on Debian 12, incus on Debian 13 or Ubuntu 24.04",
    )


def _first(find: Finder, names: tuple[str, ...]) -> str:
    return next((found for name in names if (found := find(name))), "")


def _is_snap(program: str) -> bool:
    return program.startswith("/snap/") or str(Path(program).resolve()).startswith("/snap/")
