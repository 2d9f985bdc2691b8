"""LXD or Incus: what is installed decides, and every name that differs is here."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from releve.errors import LabError


@dataclass(frozen=True)
class Engine:
    name: str  # lxd or incus
    daemon: str  # absolute path of the daemon's program
    client: str
    directory_variable: str
    client_variable: str
    socket_group: str = "root"


Finder = Callable[[str], str | None]

# Of both, for taking down a lab whose engine is no longer installed.
NFT_TABLES: Final = ("lxd", "incus")
DIRECTORY_VARIABLES: Final = ("LXD_DIR", "INCUS_DIR")
PROGRAM_NAMES: Final = frozenset({"lxd", "incusd", "dnsmasq"})

_LXD_DAEMONS: Final = ("lxd", "/usr/sbin/lxd", "/usr/lib/lxd/lxd")
_INCUS_DAEMONS: Final = ("incusd", "/usr/libexec/incus/incusd", "/opt/incus/bin/incusd")


def choose_engine(find: Finder = shutil.which, *, prefer: str = "") -> Engine:
    """The preferred one where it is installed, else LXD, else Incus; LabError when neither."""
    found = [engine for engine in (_find_lxd(find), _find_incus(find)) if engine is not None]
    if found:
        return next((engine for engine in found if engine.name == prefer), found[0])
    snap = _first(find, _LXD_DAEMONS)
    raise LabError(
        "Neither LXD nor Incus is installed",
        why=(
            "the LXD here is a snap, which runs one daemon only, and a lab starts its own"
            if snap
            else "the lab's hosts are their containers"
        ),
        remedy="apt-get install lxd on Debian 12, incus on Debian 13 or Ubuntu 24.04",
    )


def _find_lxd(find: Finder) -> Engine | None:
    client, daemon = _first(find, ("lxc",)), _first(find, _LXD_DAEMONS)
    if not client or not daemon or _is_snap(daemon):
        return None
    return Engine("lxd", daemon, client, "LXD_DIR", "LXD_CONF")


def _find_incus(find: Finder) -> Engine | None:
    client, daemon = _first(find, ("incus",)), _first(find, _INCUS_DAEMONS)
    if not client or not daemon:
        return None
    return Engine("incus", daemon, client, "INCUS_DIR", "INCUS_CONF")


def _first(find: Finder, names: tuple[str, ...]) -> str:
    return next((found for name in names if (found := find(name))), "")


def _is_snap(program: str) -> bool:
    return program.startswith("/snap/") or str(Path(program).resolve()).startswith("/snap/")
