"""An ssh_config that reaches one instance, with its proven host keys and nothing else."""

import os
from pathlib import Path

from releve.errors import CheckFailed
from releve.ports.access import Door

ALIAS = "instance"
CONNECT_SECONDS = 10
MAX_SOCKET_PATH = 90  # bytes; the system allows 108, and ssh adds a random ending


def write_ssh_config(door: Door, directory: Path) -> Path:
    """`directory` must be private: whoever writes there decides which host key is proven."""
    known_as = door.known_as or door.address
    known_hosts = directory / "known_hosts"
    known_hosts.write_text(
        "".join(f"{key.line_for(known_as)}\n" for key in door.host_keys), encoding="utf-8"
    )
    config = directory / "ssh_config"
    lines = [f"    {key} {value}" for key, value in _settings(door, directory, known_hosts)]
    config.write_text("\n".join((f"Host {ALIAS}", *lines, "")), encoding="utf-8")
    return config


def _settings(door: Door, directory: Path, known_hosts: Path) -> list[tuple[str, str]]:
    control = directory / "control"
    mux = _quote(str(control)) if len(os.fsencode(control)) <= MAX_SOCKET_PATH else "none"
    return [
        ("HostName", _quote(door.address)),
        ("Port", str(door.port)),
        ("User", _quote(door.user)),
        ("HostKeyAlias", _quote(door.known_as or door.address)),
        ("UserKnownHostsFile", _quote(str(known_hosts))),
        ("GlobalKnownHostsFile", "/dev/null"),
        ("StrictHostKeyChecking", "yes"),
        ("UpdateHostKeys", "no"),
        ("VerifyHostKeyDNS", "no"),
        ("BatchMode", "yes"),
        ("ForwardAgent", "no"),
        ("ForwardX11", "no"),
        ("Tunnel", "no"),
        ("PermitLocalCommand", "no"),
        ("ControlPath", mux),
        ("ConnectTimeout", str(CONNECT_SECONDS)),
        *(("IdentityFile", _quote(file)) for file in door.identity_files),
        *((("IdentitiesOnly", "yes"),) if door.identity_files else ()),
    ]


def _quote(value: str) -> str:
    if any(character in '"\\%$' or not character.isprintable() for character in value):
        raise CheckFailed(
            f"expected a name that ssh's configuration can hold, but {value!r} is none",
            remedy="rename the file or user without quotes, %, $ and control characters",
        )
    return f'"{value}"'
