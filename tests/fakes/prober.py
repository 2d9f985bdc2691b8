"""Hosts with a probe on them, as scripted: what they read, when they fall silent, who answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from releve.model.reading import (
    InsideReading,
    Intent,
    Lost,
    MountReading,
    Silence,
    WriteOutcome,
)
from releve.model.resources import HostKey
from releve.ports.access import Door
from releve.ports.prober import ProbeOrder, Prober, Take

ROOT = MountReading(
    path="/",
    device="vda1",
    filesystem="ext4",
    intent=Intent.WRITABLE,
    read_only_view=False,
    read_only_filesystem=False,
    emergency=False,
    write=WriteOutcome.WRITTEN,
    write_seconds=0.004,
    bytes_total=20 << 30,
    bytes_free=15 << 30,
    inodes_total=1_000_000,
    inodes_free=900_000,
)


def well(mount: MountReading = ROOT) -> InsideReading:
    return InsideReading(
        sequence=1,
        boot_id="6f1c9a52-0000-4000-8000-000000000001",
        host_time=datetime(2026, 11, 26, 3, 15, tzinfo=UTC),
        mounts=(mount,),
        kernel_log_readable=True,
    )


@dataclass
class FakeProbedHost:
    """Change it while it is followed: it says so at its next round, or at once by `speak`."""

    host_key: HostKey
    reading: InsideReading = field(default_factory=well)
    lost: Lost | None = None  # why it says nothing; None: it answers
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def speak(self, said: InsideReading | Lost) -> None:
        """At once, and from now on."""
        if isinstance(said, Lost):
            self.lost = said
        else:
            self.lost, self.reading = None, said
        self.changed.set()


class FakeProber(Prober):
    """By address; `sleep` makes the time, so that a test may bring its own."""

    def __init__(
        self,
        hosts: Mapping[str, FakeProbedHost],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.hosts = hosts
        self.following: dict[str, ProbeOrder] = {}
        self.running: set[str] = set()  # addresses of the hosts that a probe runs on
        self._sleep = sleep
        self._sequence = 0

    async def follow(self, door: Door, *, order: ProbeOrder, take: Take) -> None:
        self.following[door.address] = order
        try:
            while True:
                host = self.hosts.get(door.address)
                said = self._look(host, door)
                if isinstance(said, Lost):
                    self.running.discard(door.address)
                else:
                    self.running.add(door.address)
                take(said)
                await self._next_round(host, order.interval_seconds)
        finally:
            self.following.pop(door.address, None)
            self.running.discard(door.address)

    async def close(self) -> None:
        self.running.clear()

    def _look(self, host: FakeProbedHost | None, door: Door) -> InsideReading | Lost:
        if host is None:
            return Lost(Silence.UNREACHABLE, f"no SSH connection to {door.address}")
        if host.lost is not None:
            return host.lost
        if host.host_key not in door.host_keys:
            return Lost(Silence.WRONG_KEY, f"the host key of {door.address} is not the proven one")
        self._sequence += 1
        return replace(host.reading, sequence=self._sequence)

    async def _next_round(self, host: FakeProbedHost | None, seconds: float) -> None:
        if host is None:
            await self._sleep(seconds)
            return
        host.changed.clear()
        waiting = {
            asyncio.ensure_future(self._sleep(seconds)),
            asyncio.ensure_future(host.changed.wait()),
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
