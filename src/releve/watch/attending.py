"""What is done about a host that is dead: found out, decided, and told or ordered."""

import re
from dataclasses import replace
from functools import partial
from typing import Final

from releve.errors import JournalError, ReleveError
from releve.model.incident import Incident, IncidentEventKind, IncidentState
from releve.model.verdict import DEAD
from releve.plan.types import Automation
from releve.watch.deciding import Course, Decision, Situation, decide
from releve.watch.facts import Facts, gather_facts
from releve.watch.fleet import Fleet
from releve.watch.following import RunFollowed, StartedBy
from releve.watch.host import HostUnderWatch
from releve.watch.looking import Lookout
from releve.watch.runs import Runs
from releve.watch.storm_guard import Candidate, Permission, permit
from releve.watch.surroundings import Surroundings

_Kind = IncidentEventKind
_TOLD: Final = {
    Course.PROPOSE: _Kind.PROPOSED,
    Course.WAIT_FOR_APPROVAL: _Kind.APPROVAL_WANTED,
    Course.HOLD_BACK: _Kind.HELD_BACK,
}


class Attendant:
    def __init__(
        self,
        fleet: Fleet,
        around: Surroundings,
        *,
        lookout: Lookout,
        runs: Runs,
    ) -> None:
        self._fleet = fleet
        self._around = around
        self._lookout = lookout
        self._runs = runs
        self._told: dict[str, tuple[str, str]] = {}  # incident to what was decided last

    async def attend(self, host: HostUnderWatch) -> None:
        """One look at what to do next; never two at once for one host."""
        try:
            if host.run is not None:
                await self._runs.follow(host, host.run, may_begin=self._may_begin)
            elif is_confirmed(host):
                await self._decide(host)
        except JournalError as error:
            self._around.say("not_attended", {"host": host.name, "why": str(error)})
            self._tell(host, Decision(Course.HOLD_BACK, f"no record can be had: {error}"))

    def remember(self, incident: Incident, kind: str, text: str) -> None:
        """What an earlier life of this watch told of its decision."""
        self._told[incident.incident_id] = (kind, _without_numbers(text))

    async def _decide(self, host: HostUnderWatch) -> None:
        incident = host.incidents[DEAD]
        facts = await self._gather(incident)
        if facts.open_run:
            self._runs.adopt(host, facts.open_run)
            return
        permission = await self._ask_guard(host, facts)
        fingerprint = await self._read_fingerprint(host, facts, permission)
        verdict = host.dead_verdict
        if verdict is None or host.death is not incident or host.run is not None:
            return  # it changed while this was found out
        situation = Situation(
            incident=incident,
            verdict=verdict,
            automation=host.plan.automation,
            fingerprint=fingerprint,
            permission=permission,
            pause=facts.pause,
            approval=facts.approval,
            last_run=facts.last_run,
            runs_under_way=self._runs.count_under_way(host),
            volume=host.volume,
        )
        decision = decide(situation, now=self._around.clock.now())
        if decision.course is Course.START:
            self._told.pop(incident.incident_id, None)
            await self._runs.order(host, decision, fingerprint=fingerprint)
        else:
            self._tell(host, decision)

    async def _gather(self, incident: Incident) -> Facts:
        around = self._around
        return await self._lookout.in_thread(
            partial(
                gather_facts,
                incident,
                incidents=around.incidents,
                journal=around.journal,
                now=around.clock.now(),
            )
        )

    async def _may_begin(self, host: HostUnderWatch, run: RunFollowed) -> bool:
        """A run that an earlier life ordered and did not begin: what holds now decides."""
        if not is_confirmed(host):
            return False
        if run.by is not StartedBy.AUTO:
            return True
        facts = await self._gather(host.incidents[DEAD])
        lately = replace(facts, runs_lately=max(0, facts.runs_lately - 1))  # itself is one of them
        return facts.pause is None and (await self._ask_guard(host, lately)).allowed

    async def _ask_guard(self, host: HostUnderWatch, facts: Facts) -> Permission:
        """The controls are asked only where their word could let a run start."""
        if host.plan.automation is not Automation.AUTO or facts.pause is not None:
            return Permission(allowed=False, reason="not asked")
        healthy = self._fleet.has_healthy_host(host.name)
        controls = await self._lookout.measure_controls(healthy_host=healthy)
        return permit(
            self._fleet.guard,
            self._fleet.view,
            controls,
            candidate=Candidate(host.name, self._runs.count_under_way(host), facts.runs_lately),
            now=self._around.clock.monotonic(),
        )

    async def _read_fingerprint(
        self, host: HostUnderWatch, facts: Facts, permission: Permission
    ) -> str:
        """Every file of the repository is read for it: only where a run may start."""
        if facts.approval is None and not permission.allowed:
            return "not asked"
        try:
            return await self._lookout.in_thread(
                partial(self._around.starter.fingerprint, host.name)
            )
        except (ReleveError, OSError) as error:
            self._around.say("plan_not_read", {"host": host.name, "why": str(error)})
            return ""

    def _tell(self, host: HostUnderWatch, decision: Decision) -> None:
        """Once, until something else is decided; numbers that move are nothing else."""
        incident, kind = host.death, _TOLD.get(decision.course)
        if incident is None or kind is None:
            return
        decided = (kind.value, _without_numbers(decision.reason))
        if self._told.get(incident.incident_id) == decided:
            return
        self._told[incident.incident_id] = decided
        told = replace(incident, next_action=say_next(incident, decision))
        self._fleet.note(host, told, kind, text=decision.reason)


def is_confirmed(host: HostUnderWatch) -> bool:
    """By fresh readings of this process, whatever an earlier life of it held."""
    verdict, incident = host.dead_verdict, host.death
    return (
        verdict is not None
        and verdict.confirmed
        and incident is not None
        and incident.state is IncidentState.CONFIRMED
    )


def say_next(incident: Incident, decision: Decision) -> str:
    if decision.course is Course.WAIT_FOR_APPROVAL:
        return f"See what would run and agree to it: `releve approve {incident.incident_id}`"
    return f"Look at {incident.host}; recover it with `releve recover {incident.host}`"


def _without_numbers(text: str) -> str:
    return re.sub(r"[0-9]+", "#", text)
