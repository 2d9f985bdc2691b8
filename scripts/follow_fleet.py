"""What `./dev bench watch` measures: one process that follows every host of a fleet.

Reads its order as JSON from stdin; prints one JSON line about the steady state.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from releve.adapters.ssh.prober import SshProber
from releve.model.reading import InsideReading, Lost
from releve.model.resources import HostKey
from releve.ports.access import Door
from releve.ports.prober import ProbeOrder

START_SECONDS = 300.0


class Tally:
    """Readings and losses, by host."""

    def __init__(self) -> None:
        self.readings: dict[str, int] = {}
        self.losses: list[str] = []

    def take(self, host: str, said: InsideReading | Lost) -> None:
        if isinstance(said, Lost):
            self.losses.append(said.reason)
        else:
            self.readings[host] = self.readings.get(host, 0) + 1


def main() -> None:
    print(json.dumps(asyncio.run(follow(json.load(sys.stdin)))), flush=True)


async def follow(wanted: dict[str, Any]) -> dict[str, Any]:
    """Start them all, let a round pass, then count for `seconds`."""
    doors = read_doors(wanted)
    prober, tally = SshProber(), Tally()
    order = ProbeOrder(interval_seconds=wanted["interval"])
    began = time.monotonic()
    tasks = [
        asyncio.create_task(prober.follow(door, order=order, take=partial(tally.take, host)))
        for host, door in doors.items()
    ]
    await await_all(tally, len(doors))
    started = time.monotonic() - began
    await asyncio.sleep(wanted["interval"])
    before = sum(tally.readings.values())
    with measured() as measure:
        await asyncio.sleep(wanted["seconds"])
    measure["start_seconds"] = started
    measure["readings"] = sum(tally.readings.values()) - before
    measure["hosts"] = len(tally.readings)
    measure["losses"] = tally.losses[:20]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await prober.close()
    return measure


async def await_all(tally: Tally, count: int) -> None:
    async with asyncio.timeout(START_SECONDS):
        while len(tally.readings) < count:  # noqa: ASYNC110 - a tally is no event
            await asyncio.sleep(0.2)


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    found: dict[str, Any] = {}
    began, used = time.monotonic(), time.process_time()
    yield found
    found["wall_seconds"] = time.monotonic() - began
    found["cpu_seconds"] = time.process_time() - used
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read_doors(wanted: dict[str, Any]) -> dict[str, Door]:
    algorithm, public = Path(wanted["directory"], "host.pub").read_text().split()[:2]
    identity = (str(Path(wanted["directory"], "user")),)
    keys = (HostKey(algorithm, public),)
    return {
        f"host{number}": Door("127.0.0.1", port, "root", keys, identity_files=identity)
        for number, port in enumerate(wanted["ports"])
    }


if __name__ == "__main__":
    main()
