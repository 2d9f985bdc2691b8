"""Look at hosts and say what is seen: keeps nothing, tells nobody else, starts nothing."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from releve.model.incident import Incident, IncidentEvent
from releve.model.verdict import HostState, Verdict
from releve.plan.types import Plan
from releve.watch.fleet import Fleet
from releve.watch.host import NOT_SEEN, HostUnderWatch
from releve.watch.looking import Lookout
from releve.watch.patrol import Patrol
from releve.watch.surroundings import Pace, Senses

FIRST_ROUNDS_SECONDS: Final = 30.0  # to log in and hear of a host, besides the silence allowed


@dataclass(frozen=True)
class SeenHost:
    host: str
    verdict: Verdict
    since: datetime  # UTC; of this state and cause
    is_settled: bool  # seen from inside and outside; dead: confirmed

    @property
    def key(self) -> tuple[str, ...]:
        """What has to change for it to be told again."""
        verdict = self.verdict
        told_why = verdict.reason if verdict.state is HostState.UNKNOWN else ""
        confirmed = str(verdict.confirmed and verdict.is_dead)
        return (*self.topic, verdict.subject, confirmed, told_why)

    @property
    def topic(self) -> tuple[str, ...]:
        return (self.verdict.state, self.verdict.cause)


class View:
    """Made and used in one event loop; the hosts are those of the plan that are watched."""

    def __init__(self, plan: Plan, senses: Senses, *, pace: Pace | None = None) -> None:
        self._plan = plan
        self._senses = senses
        self._pace = pace or Pace()
        heard = replace(senses, say=self._hear)
        self._fleet = Fleet(plan, clock=senses.clock, happened=self._look_closer)
        self._lookout = Lookout(heard, outside=plan.watch.outside)
        self._patrol = Patrol(self._fleet, heard, lookout=self._lookout, pace=self._pace)
        self._doorless: dict[str, str] = {}  # host to why it cannot be reached at all
        self._seen: dict[str, SeenHost] = {}
        self._changed = asyncio.Condition()

    def hosts(self) -> list[SeenHost]:
        return list(self._seen.values())

    @property
    def first_verdicts_seconds(self) -> float:
        """By then each host has one, or is not known."""
        return self._plan.watch.unreachable_after.total_seconds() + FIRST_ROUNDS_SECONDS

    async def look(self, stop: asyncio.Event) -> None:
        """Until it is asked to stop; then nothing is left on any host."""
        try:
            async with asyncio.TaskGroup() as group:
                turning = group.create_task(self._turn_until_cancelled())
                tasks = [turning, *self._patrol.begin(group)]
                await stop.wait()
                for task in tasks:
                    task.cancel()
        finally:
            await self._senses.prober.close()
            self._lookout.close()

    async def settle(self, *, within_seconds: float) -> bool:
        """Whether each host had its verdict in time."""
        try:
            async with asyncio.timeout(within_seconds), self._changed:
                await self._changed.wait_for(self._is_settled)
        except TimeoutError:
            return False
        return True

    def _is_settled(self) -> bool:
        return bool(self._seen) and all(seen.is_settled for seen in self._seen.values())

    async def _turn_until_cancelled(self) -> None:
        while True:
            self._fleet.turn()
            for host in self._fleet.hosts.values():
                self._tell(host)
            async with self._changed:
                self._changed.notify_all()
            await asyncio.sleep(self._pace.turn)

    def _tell(self, host: HostUnderWatch) -> None:
        """Where it differs from what was told last."""
        before, seen = self._seen.get(host.name), self._describe(host)
        if before is not None and before.key == seen.key:
            self._seen[host.name] = replace(seen, since=before.since)
            return
        if before is not None and before.topic == seen.topic:
            seen = replace(seen, since=before.since)
        self._seen[host.name] = seen
        if before is not None or host.judgement is not NOT_SEEN:
            self._senses.say("host", describe_seen(seen))

    def _describe(self, host: HostUnderWatch) -> SeenHost:
        verdict, memory = host.judgement.verdict, host.memory
        if memory.inside is not None or memory.lost is not None:
            self._doorless.pop(host.name, None)
        elif why := self._doorless.get(host.name):
            verdict = replace(verdict, reason=why)
        is_seen = memory.outside is not None and verdict.state is not HostState.UNKNOWN
        is_sure = verdict.confirmed or verdict.state is HostState.DEGRADED
        return SeenHost(host.name, verdict, self._senses.clock.now(), is_seen and is_sure)

    def _look_closer(
        self, host: HostUnderWatch, incident: Incident, _events: tuple[IncidentEvent, ...]
    ) -> None:
        if incident.verdict.is_dead:
            self._patrol.look_now(host)

    def _hear(self, event: str, fields: dict[str, Any]) -> None:
        if event == "no_door":
            self._doorless[fields["host"]] = fields["why"]
        else:
            self._senses.say(event, fields)


def describe_seen(seen: SeenHost) -> dict[str, Any]:
    verdict = seen.verdict
    return {
        "host": seen.host,
        "state": verdict.state.value,
        "cause": verdict.cause.value,
        "confirmed": verdict.confirmed,
        "since": seen.since.isoformat(timespec="seconds"),
        "reason": verdict.reason,
        "witnesses": {item.witness.value: item.text for item in verdict.testimonies},
    }
