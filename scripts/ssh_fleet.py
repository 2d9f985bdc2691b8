"""Many hosts in one process: real asyncssh servers on loopback that speak the probe's protocol.

Prints one JSON line with their ports. Then it reads commands from stdin, a line each: `die COUNT
SECONDS` makes so many of them fall silent, one after the other; the end of stdin ends all.
"""

import argparse
import asyncio
import base64
import json
import sys
import time
from contextlib import suppress
from pathlib import Path

import asyncssh

MOUNTS = [
    *("vda1", "ext4", "writable", False, False, False),
    *("written", 0, 0.004, 0, "", 21_474_836_480, 16_106_127_360, 1_310_720, 1_179_648),
]


class Host:
    """One server; `die` takes it off the network."""

    def __init__(self, number: int) -> None:
        self._boot_id = f"6f1c9a52-0000-4000-8000-{number:012x}"
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._acceptor: asyncssh.SSHAcceptor | None = None

    @property
    def port(self) -> int:
        return int(self._acceptor.get_port()) if self._acceptor else 0

    async def listen(self, directory: Path) -> None:
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[str(directory / "host")],
            authorized_client_keys=str(directory / "user.pub"),
            process_factory=self._be_the_probe,
            encoding=None,
        )

    def die(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
        for connection in list(self._connections):
            connection.abort()

    async def _be_the_probe(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        connection = process.channel.get_connection()
        self._connections.add(connection)
        with suppress(OSError, EOFError, asyncssh.Error):
            await self._speak(process)
        self._connections.discard(connection)
        process.exit(0)

    async def _speak(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        length = int(await process.stdin.readexactly(8))
        text = (await process.stdin.readexactly(length)).decode("ascii")
        settings = json.loads(base64.b64decode(text.split('"', 2)[1]))
        process.stdout.write(encode(self._header(settings["nonce"])))
        sequence = 0
        while True:
            sequence += 1
            process.stdout.write(encode(self._reading(sequence)))
            if not await process.stdin.readexactly(1):
                return
            await asyncio.sleep(settings["interval"])

    def _header(self, nonce: str) -> dict[str, object]:
        return {
            "releve-probe": 1,
            "nonce": nonce,
            "boot_id": self._boot_id,
            "kernel": "6.12.48+deb13-amd64",
            "python": "3.13",
            "kernel_log": True,
            "locked": True,
        }

    def _reading(self, sequence: int) -> dict[str, object]:
        return {
            "n": sequence,
            "time": round(time.time(), 3),
            "mounts": [[path, *MOUNTS] for path in ("/", "/srv/data", "/srv/backup")],
            "lines": [],
            "units": [],
            "certificates": [["/etc/letsencrypt/live/blog/cert.pem", "2027-01-20T10:00Z"]],
        }


def encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


async def serve(directory: Path, first: int, count: int) -> None:
    hosts = [Host(first + number) for number in range(count)]
    for host in hosts:
        await host.listen(directory)
    print(json.dumps([host.port for host in hosts]), flush=True)
    dying: list[asyncio.Task[None]] = []
    while line := await asyncio.to_thread(sys.stdin.readline):
        _, number, seconds = line.split()
        dying.append(asyncio.create_task(let_die(hosts[: int(number)], float(seconds))))
    for task in dying:
        task.cancel()


async def let_die(hosts: list[Host], seconds: float) -> None:
    for host in hosts:
        host.die()
        await asyncio.sleep(seconds / len(hosts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="holds the keys host and user.pub")
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    options = parser.parse_args()
    asyncio.run(serve(options.directory, options.first, options.count))


if __name__ == "__main__":
    main()
