"""The rounds that every host gets: its probe followed, and looked at from outside."""

import asyncio
import contextlib
import random
from typing import Final

from releve.errors import ReleveError, Unreachable
from releve.model.reading import InsideReading, Lost, Silence
from releve.ports.access import Door
from releve.ports.prober import ProbeOrder
from releve.watch.fleet import Fleet
from releve.watch.host import HostUnderWatch
from releve.watch.looking import Lookout
from releve.watch.surroundings import Pace, Senses

SPREAD_SECONDS: Final = 0.03  # per host: the first rounds of a thousand do not come at once
PROVIDER_SECONDS: Final = 15.0  # between two questions about one host in trouble


class Patrol:
    def __init__(self, fleet: Fleet, around: Senses, *, lookout: Lookout, pace: Pace) -> None:
        self._fleet = fleet
        self._around = around
        self._lookout = lookout
        self._pace = pace
        self._looks = {name: asyncio.Event() for name in fleet.hosts}
        self._door_changes = {name: asyncio.Event() for name in fleet.hosts}
        self._doors: dict[str, Door] = {}
        self._doorless: dict[str, str] = {}  # host to why, as it was told
        self._finding = asyncio.Semaphore(4)

    def begin(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        hosts = self._fleet.hosts.values()
        return [
            *(group.create_task(self._follow_inside(host)) for host in hosts),
            *(group.create_task(self._look_from_outside(host)) for host in hosts),
        ]

    def look_now(self, host: HostUnderWatch) -> None:
        self._looks[host.name].set()

    def look_again(self, host: HostUnderWatch) -> None:
        """Another instance may serve it now."""
        self._door_changes[host.name].set()
        self._looks[host.name].set()

    async def _follow_inside(self, host: HostUnderWatch) -> None:
        door = await self._await_door(host)
        while True:
            self._doors[host.name] = door
            door = await self._follow_until_moved(host, door)
            host.forget()

    async def _follow_until_moved(self, host: HostUnderWatch, door: Door) -> Door:
        """Where it is to be reached from now on; what goes wrong with the prober is raised."""
        following = asyncio.create_task(self._follow_door(host, door))
        moving = asyncio.create_task(self._await_other_door(host, door))
        try:
            await asyncio.wait({following, moving}, return_when=asyncio.FIRST_COMPLETED)
            return moving.result() if moving.done() else await self._begin_again(following, door)
        finally:
            for task in (following, moving):
                task.cancel()
            await asyncio.gather(following, moving, return_exceptions=True)

    async def _begin_again(self, following: "asyncio.Task[None]", door: Door) -> Door:
        """A prober that stops following by itself is asked again, in a while."""
        following.result()
        await asyncio.sleep(self._pace.trouble)
        return door

    async def _follow_door(self, host: HostUnderWatch, door: Door) -> None:
        order = ProbeOrder(
            interval_seconds=host.rules.interval,
            certificates=tuple(host.plan.watch.certificates),
        )

        def take(reading: InsideReading | Lost) -> None:
            is_first_loss = isinstance(reading, Lost) and host.memory.lost is None
            self._fleet.take(host.name, reading)
            if is_first_loss:
                self.look_now(host)

        await self._around.prober.follow(door, order=order, take=take)

    async def _await_door(self, host: HostUnderWatch) -> Door:
        """A provider that does not answer is no word on the host; one that says it is off, is."""
        while True:
            try:
                door = await self._find_door(host)
            except Unreachable as error:
                self._fleet.take(host.name, Lost(Silence.UNREACHABLE, str(error)))
            except ReleveError as error:
                if self._doorless.get(host.name) != str(error):
                    self._around.say("no_door", {"host": host.name, "why": str(error)})
                self._doorless[host.name] = str(error)
            else:
                self._doorless.pop(host.name, None)
                return door
            await self._wait(self._door_changes[host.name], self._pace.door / 4)

    async def _await_other_door(self, host: HostUnderWatch, door: Door) -> Door:
        """Until the host is to be reached otherwise, as after a recovery by whomever."""
        while True:
            is_asked = await self._wait(self._door_changes[host.name], self._pace.door)
            if not is_asked and (host.memory.lost is None or self._fleet.guard.is_open):
                continue
            with contextlib.suppress(ReleveError):
                found = await self._find_door(host)
                if found != door:
                    return found

    async def _find_door(self, host: HostUnderWatch) -> Door:
        async with self._finding:
            return await self._lookout.in_thread(lambda: self._around.find_door(host.name))

    async def _look_from_outside(self, host: HostUnderWatch) -> None:
        spread = min(host.rules.check_interval, SPREAD_SECONDS * len(self._fleet.hosts))
        await asyncio.sleep(random.uniform(0, spread))  # noqa: S311 - spreads load, guards nothing
        asked_at = float("-inf")
        while True:
            await self._look_once(host)
            now = self._around.clock.monotonic()
            if self._wants_provider(host, now) and now - asked_at >= PROVIDER_SECONDS:
                asked_at = now
                self._fleet.take(host.name, await self._lookout.ask_provider(host.name, host.plan))
            await self._wait(self._looks[host.name], self._next_look_seconds(host))

    async def _look_once(self, host: HostUnderWatch) -> None:
        door = self._doors.get(host.name)
        reading = await self._lookout.look_from_outside(
            host.plan,
            address=door.address if door else host.plan.address,
            port=door.port if door else host.plan.ssh.port,
        )
        if reading is not None:
            self._fleet.take(host.name, reading)

    def _next_look_seconds(self, host: HostUnderWatch) -> float:
        is_in_trouble = host.memory.lost or host.memory.failing or host.looks_dead_since
        if is_in_trouble and not self._fleet.guard.is_open:
            return min(self._pace.trouble, host.rules.check_interval)
        return host.rules.check_interval

    def _wants_provider(self, host: HostUnderWatch, now: float) -> bool:
        if self._fleet.guard.is_open or host.run is not None:
            return False
        memory = host.memory
        is_long_lost = (
            memory.lost is not None and now - memory.lost_since >= host.rules.unreachable_after / 2
        )
        return is_long_lost or host.dead_verdict is not None

    async def _wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Whether it was asked for before its time."""
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        event.clear()
        return True
