"""All hosts under watch: takes readings, judges, carries incidents, and counts for the guard.

Does no I/O and never waits: one thread calls it, what follows is handed on by `happened`.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from statistics import median
from typing import Final

from releve.model.incident import Incident, IncidentEvent, IncidentEventKind
from releve.model.verdict import HostState, Verdict
from releve.plan.types import Plan
from releve.ports.clock import Clock
from releve.watch.attention import estimate_skew
from releve.watch.host import HostUnderWatch, Reading
from releve.watch.incidents import (
    clear_incident,
    event,
    follow_incident,
    open_incident,
)
from releve.watch.judging import is_proven_well
from releve.watch.memory import Moment
from releve.watch.rules import rules_for
from releve.watch.storm_guard import COOL_DOWN_SECONDS, FleetView, StormGuard, is_gathering, turn

LOOK_AT_ALL_SECONDS: Final = 10.0
HOSTS_FOR_SKEW: Final = 3

Happened = Callable[[HostUnderWatch, Incident, tuple[IncidentEvent, ...]], None]


class Fleet:
    def __init__(self, plan: Plan, *, clock: Clock, happened: Happened) -> None:
        self.hosts: Mapping[str, HostUnderWatch] = {
            name: HostUnderWatch(name, host, rules_for(plan.watch, host))
            for name, host in plan.hosts.items()
            if host.watch.enabled
        }
        self.guard = StormGuard()
        self.view = FleetView(len(self.hosts), heard=0, heard_lately=0, looking_dead={})
        self._clock = clock
        self._happened = happened
        self._began = (clock.monotonic(), clock.now())
        self._looked_at_all = clock.monotonic()
        self._skew = 0.0
        self._ids: set[str] = set()  # of incidents, none is given twice

    def moment(self) -> Moment:
        now = self._clock.monotonic()
        began, began_wall = self._began
        return Moment(now, self._clock.now(), began_wall + timedelta(seconds=now - began))

    def avoid_ids(self, ids: frozenset[str]) -> None:
        self._ids |= ids

    def take_up(self, incident: Incident) -> None:
        """One that another life of this watch left open."""
        host = self.hosts.get(incident.host)
        if host is not None and not incident.state.is_over:
            self._ids.add(incident.incident_id)
            host.incidents[incident.verdict.topic] = incident

    def take(self, name: str, reading: Reading) -> None:
        host, moment = self.hosts[name], self.moment()
        host.take(reading, moment)
        self._look(host, moment)

    def turn(self) -> None:
        """Each second: what time alone changes, and whether this is a storm."""
        moment = self.moment()
        is_due = moment.monotonic - self._looked_at_all >= LOOK_AT_ALL_SECONDS
        if is_due:
            self._looked_at_all = moment.monotonic
            self._skew = self._measure_skew()
        for host in self.hosts.values():
            if is_due or host.wants_a_look:
                self._look(host, moment)
        self.view = self._count(moment.monotonic)
        self.guard = turn(self.guard, self.view, now=moment.monotonic)

    def suspect(self, name: str, text: str) -> bool:
        """Another monitor's word, bounded by the caller; False: no such host is watched."""
        host = self.hosts.get(name)
        if host is None:
            return False
        if host.death is None:
            host.suspicion = text
        else:
            self.note(host, host.death, IncidentEventKind.REPORTED, text=text)
        return True

    def note(
        self,
        host: HostUnderWatch,
        incident: Incident,
        kind: IncidentEventKind,
        *,
        text: str,
        **data: str,
    ) -> None:
        """Keep this incident as it is now, with what happened."""
        host.incidents[incident.verdict.topic] = incident
        at = self._clock.now()
        self._happened(host, incident, (event(incident, kind, at=at, text=text, **data),))

    def gathers(self, host: str) -> bool:
        """Whether others began to look dead just now."""
        return is_gathering(self.view, host, now=self._clock.monotonic())

    def has_healthy_host(self, but: str) -> bool | None:
        """Whether any other host is heard from just now; None: there is no other."""
        others = [host for host in self.hosts.values() if host.name != but]
        now = self._clock.monotonic()
        return any(_is_well(host, now=now) for host in others) if others else None

    def _look(self, host: HostUnderWatch, moment: Moment) -> None:
        host.judge(moment, fleet_skew=self._skew)
        if host.run is not None:
            return  # the run takes the host apart and together again; it is looked at anew after
        if host.judgement.wrong or host.incidents:
            self._carry(host, moment)

    def _carry(self, host: HostUnderWatch, moment: Moment) -> None:
        wrong = {verdict.topic: verdict for verdict in host.judgement.wrong}
        for topic, verdict in wrong.items():
            known = host.incidents.get(topic)
            if known is None:
                self._open(host, verdict, moment)
                continue
            self._keep(host, *follow_incident(known, verdict, now=moment.wall))
        for topic, incident in list(host.incidents.items()):
            if topic not in wrong and is_proven_well(host.view, topic):
                del host.incidents[topic]
                reason = f"over: {host.judgement.verdict.reason}"
                cleared = clear_incident(incident, now=moment.wall, reason=reason)
                self._happened(host, *cleared)

    def _open(self, host: HostUnderWatch, verdict: Verdict, moment: Moment) -> None:
        incident, events = open_incident(host.name, verdict, now=moment.wall, taken=self._ids)
        self._ids.add(incident.incident_id)
        if host.suspicion and verdict.is_dead:
            kind, text = IncidentEventKind.REPORTED, host.suspicion
            events = (event(incident, kind, at=moment.wall, text=text), *events)
            host.suspicion = ""
        self._keep(host, incident, events)

    def _keep(
        self, host: HostUnderWatch, incident: Incident, events: tuple[IncidentEvent, ...]
    ) -> None:
        host.incidents[incident.verdict.topic] = incident
        if events:
            self._happened(host, incident, events)

    def _count(self, now: float) -> FleetView:
        dead = {
            host.name: since
            for host in self.hosts.values()
            if (since := host.looks_dead_since) is not None
        }
        confirmed = (
            name for name in dead if (word := self.hosts[name].dead_verdict) and word.confirmed
        )
        return FleetView(
            watched=len(self.hosts),
            heard=sum(host.memory.is_heard for host in self.hosts.values()),
            heard_lately=sum(
                host.memory.inside is not None
                and now - host.memory.inside_at < COOL_DOWN_SECONDS / 2
                for host in self.hosts.values()
            ),
            looking_dead=dead,
            confirmed_dead=frozenset(confirmed),
        )

    def _measure_skew(self) -> float:
        """What most hosts agree on is this controller's own error."""
        skews = list(self._list_skews())
        return median(skews) if len(skews) >= HOSTS_FOR_SKEW else 0.0

    def _list_skews(self) -> Iterator[float]:
        for host in self.hosts.values():
            if host.memory.lost is None and (skew := estimate_skew(host.memory)) is not None:
                yield skew


def _is_well(host: HostUnderWatch, *, now: float) -> bool:
    is_fresh = now - host.memory.inside_at < 2 * host.rules.interval + 10
    is_serving = host.judgement.verdict.state in {HostState.HEALTHY, HostState.DEGRADED}
    return host.memory.inside is not None and host.memory.lost is None and is_fresh and is_serving
