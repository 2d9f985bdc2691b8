"""What `./dev bench watch` measures: one process that watches every host of a fleet.

The whole watch, with a store and checks of its own: only the provider, the channels and the
recoveries are stand-ins that count. Reads its order as JSON from stdin, prints one JSON line once
the steady state is measured, and one about the storm that the next line of stdin announces.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from releve.adapters.checks.checker import PlanChecker
from releve.adapters.ssh.access import SshAccess
from releve.adapters.ssh.prober import SshProber
from releve.adapters.store import open_incident_store, open_store
from releve.adapters.system_clock import SystemClock
from releve.model.reading import InsideReading, Lost
from releve.model.resources import HostKey, Instance, Power
from releve.model.verdict import HostState
from releve.plan.types import Plan
from releve.ports.access import Door
from releve.ports.child import Child
from releve.ports.notifier import Delivery, Notice, Notifier
from releve.ports.prober import ProbeOrder, Prober, Take
from releve.watch.doors import knock
from releve.watch.starting import Starter, StartOrder
from releve.watch.surroundings import Surroundings
from releve.watch.watching import Watcher

START_SECONDS = 300.0


class CountingProber(Prober):
    def __init__(self) -> None:
        self.readings: dict[int, int] = {}  # by port
        self.losses = 0
        self._prober = SshProber()

    async def follow(self, door: Door, *, order: ProbeOrder, take: Take) -> None:
        def count(said: InsideReading | Lost) -> None:
            if isinstance(said, Lost):
                self.losses += 1
            else:
                self.readings[door.port] = self.readings.get(door.port, 0) + 1
            take(said)

        await self._prober.follow(door, order=order, take=count)

    async def close(self) -> None:
        await self._prober.close()


class CountingNotifier(Notifier):
    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def send(self, notice: Notice) -> tuple[Delivery, ...]:
        self.notices.append(notice)
        return (Delivery("bench"),)


class CountingStarter(Starter):
    def __init__(self) -> None:
        self.orders: list[str] = []

    def fingerprint(self, host: str) -> str:
        del host
        return "f" * 64

    def start(self, order: StartOrder) -> Child:
        self.orders.append(order.host)
        raise OSError("a bench starts nothing")

    def resume(self, run_id: str) -> Child:
        self.orders.append(run_id)
        raise OSError("a bench resumes nothing")


class EveryoneRuns:
    """All that the watch asks of a provider."""

    def find_instances(
        self, *, name: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Instance, ...]:
        known = name.startswith("host") and not labels
        return (Instance(name, name, Power.RUNNING),) if known else ()


class Bench:
    def __init__(self, wanted: dict[str, Any]) -> None:
        directory = Path(wanted["directory"])
        self.count = len(wanted["ports"])
        self.interval = wanted["interval"]
        self.prober = CountingProber()
        self.notifier = CountingNotifier()
        self.starter = CountingStarter()
        doors = read_doors(directory, wanted["ports"])
        journal, lease = open_store(directory / "state", "")
        around = Surroundings(
            prober=self.prober,
            checker=PlanChecker(SshAccess()),
            provider=EveryoneRuns(),
            notifier=self.notifier,
            incidents=open_incident_store(directory / "state", "", key_file=None),
            journal=journal,
            lease=lease,
            starter=self.starter,
            clock=SystemClock(),
            find_door=doors.__getitem__,
            knock=knock,
            say=lambda _event, _fields: None,
        )
        self.watcher = Watcher(plan_of(doors, wanted), around, name="bench")

    @property
    def readings(self) -> int:
        return sum(self.prober.readings.values())

    def states(self) -> dict[str, int]:
        verdicts = [host.verdict for host in self.watcher.snapshot().hosts]
        return {
            state.value: sum(verdict.state is state for verdict in verdicts) for state in HostState
        }


def main() -> None:
    asyncio.run(run(json.loads(sys.stdin.readline())))


async def run(wanted: dict[str, Any]) -> None:
    bench, stop = Bench(wanted), asyncio.Event()
    watching = asyncio.create_task(bench.watcher.watch(stop))
    try:
        tell(await measure_calm(bench, seconds=wanted["seconds"]))
        storm = json.loads(await asyncio.to_thread(sys.stdin.readline) or "{}")
        if storm:
            tell(await measure_storm(bench, seconds=storm["seconds"]))
    finally:
        stop.set()
        await watching


async def measure_calm(bench: Bench, *, seconds: float) -> dict[str, Any]:
    """Wait for all, and for a round of each; then count."""
    began = time.monotonic()
    async with asyncio.timeout(START_SECONDS):
        while len(bench.prober.readings) < bench.count:  # noqa: ASYNC110 - a count is no event
            await asyncio.sleep(0.2)
    started = time.monotonic() - began
    await asyncio.sleep(bench.interval)
    before = bench.readings
    with measured() as measure:
        await asyncio.sleep(seconds)
    return {
        **measure,
        "start_seconds": started,
        "readings": bench.readings - before,
        "losses": bench.prober.losses,
        "states": bench.states(),
        "notices": [notice.title for notice in bench.notifier.notices],
    }


async def measure_storm(bench: Bench, *, seconds: float) -> dict[str, Any]:
    before = len(bench.notifier.notices)
    with measured() as measure:
        await asyncio.sleep(seconds)
    return {
        **measure,
        "states": bench.states(),
        "notices": [notice.title for notice in bench.notifier.notices[before:]],
        "started": bench.starter.orders,
        "lag_seconds": bench.watcher.snapshot().lag_seconds,
    }


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    found: dict[str, Any] = {}
    began, used = time.monotonic(), time.process_time()
    yield found
    found["wall_seconds"] = time.monotonic() - began
    found["cpu_seconds"] = time.process_time() - used
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def plan_of(doors: dict[str, Door], wanted: dict[str, Any]) -> Plan:
    """All that a storm could want: everything may start by itself, and all controls answer."""
    host = {"image": "base", "address": "127.0.0.1", "converge": {"playbook": "site.yml"}}
    return Plan.model_validate({
        "version": 1,
        "provider": {"kind": "lxd"},
        "watch": {"interval": f"{wanted['interval']:g}s", "outside": wanted["outside"]},
        "hosts": {
            name: {
                **host,
                "instance": name,
                "ssh": {"port": door.port},
                "checks": [{"tcp": door.port}],
                "automation": "auto",
            }
            for name, door in doors.items()
        },
    })  # fmt: skip


def read_doors(directory: Path, ports: list[int]) -> dict[str, Door]:
    algorithm, public = (directory / "host.pub").read_text().split()[:2]
    keys, identity = (HostKey(algorithm, public),), (str(directory / "user"),)
    return {
        f"host{number}": Door("127.0.0.1", port, "root", keys, identity_files=identity)
        for number, port in enumerate(ports)
    }


def tell(measure: dict[str, Any]) -> None:
    print(json.dumps(measure), flush=True)


if __name__ == "__main__":
    main()
