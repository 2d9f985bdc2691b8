"""Follow every host, judge what is read, keep incidents, tell people, start what may start."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from releve.errors import JournalError
from releve.model.incident import Incident, IncidentEvent, IncidentEventKind, Pause
from releve.plan.types import Plan
from releve.ports.notifier import Delivery
from releve.watch.announcing import Announcer
from releve.watch.attending import Attendant, is_confirmed
from releve.watch.facts import find_pause
from releve.watch.fleet import Fleet
from releve.watch.host import HostUnderWatch
from releve.watch.keeping import Keeper
from releve.watch.looking import Lookout
from releve.watch.patrol import Patrol
from releve.watch.posting import Post
from releve.watch.runs import Runs
from releve.watch.snapshot import WatchedHost, WatchSnapshot
from releve.watch.storm_guard import describe_storm
from releve.watch.surroundings import Pace, Surroundings
from releve.watch.taking_up import read_earlier

PAUSES_SECONDS: Final = 10.0  # between two looks at the pauses, for the snapshot


class Watcher:
    """Made and used in one event loop; `watch` runs until it is asked to stop."""

    def __init__(
        self, plan: Plan, around: Surroundings, *, name: str, pace: Pace | None = None
    ) -> None:
        """`name`: of the plan; two processes cannot watch the same one."""
        self._name = name
        self._around = around
        self._pace = pace or Pace()
        self._store_pool = ThreadPoolExecutor(1, "watch-store")
        self._post_pool = ThreadPoolExecutor(1, "watch-post")
        self._fleet = Fleet(plan, clock=around.clock, happened=self._keep_and_tell)
        self._keeper = Keeper(around.incidents, pool=self._store_pool, say=around.say)
        self._post = Post(around.notifier, pool=self._post_pool, delivered=self._note_delivery)
        self._announcer = Announcer(self._post.send)
        self._lookout = Lookout(around, outside=plan.watch.outside)
        self._runs = Runs(
            self._fleet,
            around,
            lookout=self._lookout,
            keeper=self._keeper,
            settle_seconds=self._pace.settle,
        )
        self._attendant = Attendant(self._fleet, around, lookout=self._lookout, runs=self._runs)
        self._patrol = Patrol(self._fleet, around, lookout=self._lookout, pace=self._pace)
        self._runs.over = self._patrol.look_again
        self._attended: dict[str, float] = {}  # host to when it was attended last
        self._busy: set[str] = set()  # hosts that are attended at this moment
        self._attending: set[asyncio.Task[None]] = set()
        self._pauses: tuple[Pause, ...] = ()
        self._turned_at, self._lag = around.clock.monotonic(), 0.0

    async def watch(self, stop: asyncio.Event) -> None:
        """RunHeld where another process watches with the same state; leaves in good order."""
        self._around.lease.hold((f"watch {self._name}",))
        try:
            await self._take_up()
            async with asyncio.TaskGroup() as group:
                last = [group.create_task(one) for one in (self._keeper.run(), self._post.run())]
                tasks = [
                    group.create_task(self._refresh_pauses()),
                    group.create_task(self._turn_until_cancelled(group)),
                    *self._patrol.begin(group),
                ]
                await stop.wait()
                for task in (*tasks, *self._attending):
                    task.cancel()
                await self._post.drain(within_seconds=self._pace.leave)
                for task in last:
                    task.cancel()
        finally:
            await self._leave()

    def suspect(self, host: str, text: str) -> bool:
        """Another monitor's word: the host is looked at now. False: it is not watched."""
        is_known = self._fleet.suspect(host, text)
        if is_known:
            self._around.say("suspected", {"host": host, "text": text})
            self._patrol.look_now(self._fleet.hosts[host])
        return is_known

    def snapshot(self) -> WatchSnapshot:
        now = self._around.clock.monotonic()
        return WatchSnapshot(
            hosts=tuple(self._describe(host, now) for host in self._fleet.hosts.values()),
            since_turn_seconds=now - self._turned_at,
            lag_seconds=self._lag,
            storm=self._describe_storm(),
            unsaved=self._keeper.unsaved,
            delivered=Counter(self._post.sent),
            failed=Counter(self._post.failed),
        )

    async def _take_up(self) -> None:
        """Incidents that an earlier life left open, and the runs that they wait for."""
        around = self._around
        read = partial(read_earlier, around.incidents, frozenset(self._fleet.hosts))
        earlier = await asyncio.get_running_loop().run_in_executor(self._store_pool, read)
        self._fleet.avoid_ids(earlier.ids)
        for taken in earlier.open:
            incident = taken.incident
            self._fleet.take_up(incident)
            now = around.clock.monotonic()
            self._announcer.take_up(incident, was_told=taken.was_told, now=now)
            if taken.decided:
                self._attendant.remember(incident, *taken.decided)
            if taken.run is not None:
                self._runs.take_up(self._fleet.hosts[incident.host], taken.run)

    async def _turn_until_cancelled(self, group: asyncio.TaskGroup) -> None:
        clock = self._around.clock
        while True:
            self._turned_at = clock.monotonic()
            self._turn(group)
            due = clock.monotonic() + self._pace.turn
            await asyncio.sleep(self._pace.turn)
            self._lag = max(0.0, clock.monotonic() - due)

    def _turn(self, group: asyncio.TaskGroup) -> None:
        self._fleet.turn()
        guard, now = self._fleet.guard, self._around.clock.monotonic()
        self._announcer.turn(
            storm=self._describe_storm(),
            storms=guard.storms,
            gathers=self._fleet.gathers,
            now=now,
        )
        for host in self._fleet.hosts.values():
            if self._is_to_attend(host, now):
                self._busy.add(host.name)
                task = group.create_task(self._attend(host))
                self._attending.add(task)
                task.add_done_callback(self._attending.discard)

    def _is_to_attend(self, host: HostUnderWatch, now: float) -> bool:
        if host.name in self._busy or not (host.run is not None or is_confirmed(host)):
            return False
        pace = self._pace.attend_in_storm if self._fleet.guard.is_open else self._pace.attend
        if host.run is not None:
            pace = self._pace.poll_run
        return now - self._attended.get(host.name, float("-inf")) >= pace

    async def _attend(self, host: HostUnderWatch) -> None:
        try:
            await self._attendant.attend(host)
        finally:
            self._attended[host.name] = self._around.clock.monotonic()
            self._busy.discard(host.name)

    def _keep_and_tell(
        self, host: HostUnderWatch, incident: Incident, events: tuple[IncidentEvent, ...]
    ) -> None:
        self._keeper.keep(incident, *events)
        self._announcer.happened(incident, events, now=self._around.clock.monotonic())
        for event in events:
            fields = {"host": host.name, "incident": incident.incident_id, "text": event.text}
            fields |= {"next": incident.next_action} if incident.next_action else {}
            self._around.say(f"incident_{event.kind.name.lower()}", fields)
        if incident.verdict.is_dead:
            self._patrol.look_now(host)

    def _note_delivery(self, incident: Incident, delivery: Delivery) -> None:
        kind = IncidentEventKind.NOT_NOTIFIED if delivery.failure else IncidentEventKind.NOTIFIED
        at, channel = self._around.clock.now(), delivery.channel
        text = f"{channel}: {delivery.failure}" if delivery.failure else f"{channel} was told"
        data = {"channel": channel}
        self._keeper.record(IncidentEvent(incident.incident_id, kind, at, text, data))

    async def _refresh_pauses(self) -> None:
        told = ""
        while True:
            listing = partial(self._around.incidents.list_pauses, now=self._around.clock.now())
            try:
                self._pauses, told = await self._lookout.in_thread(listing), ""
            except JournalError as error:
                if told != str(error):
                    self._around.say("pauses_not_read", {"why": str(error)})
                told = str(error)
            await asyncio.sleep(PAUSES_SECONDS)

    def _describe_storm(self) -> str:
        guard, now = self._fleet.guard, self._around.clock.monotonic()
        return describe_storm(guard, self._fleet.view, now=now) if guard.is_open else ""

    def _describe(self, host: HostUnderWatch, now: float) -> WatchedHost:
        memory = host.memory
        return WatchedHost(
            host=host.name,
            verdict=host.judgement.verdict,
            automation=host.plan.automation,
            reading_age_seconds=None if memory.inside is None else now - memory.inside_at,
            round_seconds=host.round_seconds,
            is_paused=find_pause(self._pauses, host.name) is not None,
            incident_ids=tuple(incident.incident_id for incident in host.incidents.values()),
        )

    async def _leave(self) -> None:
        """Runs under way go on; the next life of this watch takes them up."""
        await self._around.prober.close()
        await self._keeper.flush(within_seconds=self._pace.leave)
        self._lookout.close()
        self._post_pool.shutdown(wait=False, cancel_futures=True)
        self._store_pool.shutdown(wait=False, cancel_futures=True)
        self._around.lease.release()
