"""Where the daemon listens: given, or the first local one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from releve.errors import Refused, Unavailable

_DIRECTORY_VARIABLES: Final = ("LXD_DIR", "INCUS_DIR")
_SOCKETS: Final = (
    "/var/lib/lxd/unix.socket",
    "/var/snap/lxd/common/lxd/unix.socket",
    "/var/lib/incus/unix.socket",
)


def resolve_endpoint(endpoint: str, environment: Mapping[str, str]) -> str:
    """A URL that pylxd takes; Refused for plain HTTP, Unavailable where no socket is."""
    if endpoint.startswith("https://"):
        return endpoint.rstrip("/")
    if endpoint and not endpoint.startswith("/"):
        raise Refused(
            f"{endpoint!r} is no endpoint of LXD",
            why="it is neither the absolute path of a socket nor an https URL",
            remedy="Correct provider.endpoint in the plan",
        )
    candidates = [endpoint] if endpoint else list_local_sockets(environment)
    for candidate in candidates:
        if Path(candidate).is_socket():
            return f"http+unix://{quote(candidate, safe='')}"
    raise Unavailable(
        "no LXD or Incus daemon listens here",
        why=f"there is no socket at {', '.join(candidates)}",
        remedy="Start the daemon, or set provider.endpoint in the plan",
    )


def list_local_sockets(environment: Mapping[str, str]) -> list[str]:
    """A directory named by the environment excludes all others."""
    named = [environment[name] for name in _DIRECTORY_VARIABLES if environment.get(name)]
    return [str(Path(directory) / "unix.socket") for directory in named] or list(_SOCKETS)
