"""The resident program as the bytes that are sent to a host, and the command that takes them."""

import base64
import json
from functools import cache
from typing import Any, Final

from releve.ports.access import Door, as_root
from releve.ports.prober import ProbeOrder
from releve.scan.joining import join_modules

_MAIN: Final = "releve.adapters.probe.resident.main"
# `python3 -` would read its stdin to the end, which here is the end of the connection.
_BOOTSTRAP: Final = 'f=open(0,"rb",closefd=False);exec(f.read(int(f.read(8))))'
_PYTHON: Final = ("python3", "-I", "-S", "-B", "-c", _BOOTSTRAP)
_LEAST_PATIENCE: Final = 120.0


def command_for(door: Door) -> tuple[str, ...]:
    return as_root(door, *_PYTHON)


def build_program(order: ProbeOrder, *, nonce: str) -> bytes:
    """Eight digits of length, then ASCII; it runs until its stdin ends, or stays silent long."""
    settings: dict[str, Any] = {
        "nonce": nonce,
        "interval": order.interval_seconds,
        "write_seconds": order.write_seconds,
        "patience": max(_LEAST_PATIENCE, 4 * order.interval_seconds),
        "certificates": list(order.certificates),
        "mounts": list(order.mounts),
        "fstab": order.fstab,
    }
    encoded = base64.b64encode(json.dumps(settings).encode("ascii")).decode("ascii")
    text = f'SETTINGS = "{encoded}"\n{_joined()}load("{_MAIN}").main(SETTINGS)\n'
    return f"{len(text):08d}{text}".encode("ascii")


@cache
def _joined() -> str:
    return join_modules([_MAIN])
