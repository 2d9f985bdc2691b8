"""A real asyncssh server whose programs say what they like in place of the probe."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh

from releve.ports.access import Door
from tests.adapters.sshd import make_key, read_host_key

Process = asyncssh.SSHServerProcess[bytes]
Play = Callable[[Process, str], Awaitable[None]]

MOUNT = [
    *("/", "vda1", "ext4", "writable", False, False, False),
    *("written", 0, 0.004, 0, "", 1 << 34, 1 << 33, 1000, 900),
]


def header_line(nonce: str, **changes: Any) -> bytes:
    header = {
        "releve-probe": 1,
        "nonce": nonce,
        "boot_id": "6f1c9a52-0000-4000-8000-000000000001",
        "kernel": "6.12.0",
        "python": "3.11",
        "kernel_log": True,
        "locked": True,
    }
    return line_of({**header, **changes})


def round_line(sequence: int, **changes: Any) -> bytes:
    reading = {
        "n": sequence,
        "time": 1_795_658_664.5,
        "mounts": [MOUNT],
        "lines": [],
        "units": [],
        "certificates": [],
    }
    return line_of({**reading, **changes})


def line_of(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


async def read_nonce(process: Process) -> str:
    """As the bootstrap does: eight digits of length, then the program with its settings."""
    length = int(await process.stdin.readexactly(8))
    text = (await process.stdin.readexactly(length)).decode("ascii")
    encoded = text.split('"', 2)[1]
    settings = json.loads(base64.b64decode(encoded))
    return str(settings["nonce"])


@asynccontextmanager
async def serving(directory: Path, play: Play) -> AsyncIterator[Door]:
    for name in ("host", "user"):
        make_key(directory / name)

    async def handle(process: Process) -> None:
        await play(process, await read_nonce(process))
        process.exit(0)

    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[str(directory / "host")],
        authorized_client_keys=str(directory / "user.pub"),
        process_factory=handle,
        encoding=None,
    )
    try:
        yield Door(
            address="127.0.0.1",
            port=server.get_port(),
            user="root",
            host_keys=(read_host_key(directory / "host.pub"),),
            identity_files=(str(directory / "user"),),
        )
    finally:
        server.close()
        await server.wait_closed()


async def forever() -> None:
    await asyncio.Event().wait()
