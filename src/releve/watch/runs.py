"""The runs that incidents wait for: ordered once, begun, gone on with, and followed to an end."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from releve.errors import ReleveError
from releve.model.identity import new_run_id
from releve.model.incident import Incident, IncidentEventKind
from releve.model.run import RunRecord, RunState
from releve.model.verdict import DEAD
from releve.ports.child import Child
from releve.watch.deciding import Decision
from releve.watch.facts import read_run
from releve.watch.fleet import Fleet
from releve.watch.following import Next, RunFollowed, StartedBy, choose_next
from releve.watch.host import HostUnderWatch
from releve.watch.judging import is_proven_well
from releve.watch.keeping import Keeper
from releve.watch.looking import Lookout
from releve.watch.starting import StartOrder
from releve.watch.surroundings import Surroundings

_Kind = IncidentEventKind
MayBegin = Callable[[HostUnderWatch, RunFollowed], Awaitable[bool]]


class Runs:
    def __init__(
        self,
        fleet: Fleet,
        around: Surroundings,
        *,
        lookout: Lookout,
        keeper: Keeper,
        settle_seconds: float,
    ) -> None:
        self._fleet = fleet
        self._around = around
        self._lookout = lookout
        self._keeper = keeper
        self._settle_seconds = settle_seconds
        self.over: Callable[[HostUnderWatch], None] = lambda _host: None  # told at each end

    def count_under_way(self, but: HostUnderWatch) -> int:
        """That this watch started for other hosts, and that wait for no person."""
        return sum(
            host.run is not None and host.run.is_ours and not host.run.told
            for host in self._fleet.hosts.values()
            if host is not but
        )

    async def order(self, host: HostUnderWatch, decision: Decision, *, fingerprint: str) -> None:
        """Durable first, then the approval is used up, then it starts.

        Killed anywhere in between, the next life finds the order and goes on with the same run.
        """
        by = StartedBy.APPROVAL if decision.approval else StartedBy.AUTO
        run = RunFollowed(new_run_id(), by, fingerprint)
        incident = self._take_on(host, run, text=f"run {run.run_id} starts: {decision.reason}")
        settled = self._keeper.settle(incident.incident_id, within_seconds=self._settle_seconds)
        if not await settled:
            self._withdraw(host, run, "no record of it can be kept, and no run starts without one")
            return
        use = self._around.incidents.use_approval
        approval = decision.approval
        if approval and not await self._lookout.in_thread(partial(use, approval)):
            self._withdraw(host, run, "the approval was used or replaced meanwhile")
            return
        await self._begin(host, run)

    def adopt(self, host: HostUnderWatch, run_id: str) -> None:
        """One that a person started by hand."""
        self._take_on(
            host, RunFollowed(run_id, StartedBy.PERSON), text=f"run {run_id} was started by hand"
        )

    def take_up(self, host: HostUnderWatch, run: RunFollowed) -> None:
        """One that an earlier life of this watch followed."""
        host.run = run

    async def follow(self, host: HostUnderWatch, run: RunFollowed, *, may_begin: MayBegin) -> None:
        if run.is_driven:
            return
        record, is_held = await self._lookout.in_thread(partial(self._read, run.run_id))
        if record is not None and record.state is RunState.PENDING and is_held:
            run.told = ""  # a person goes on with it
        now = self._around.clock.monotonic()
        step = choose_next(run, record, is_held=is_held, now=now)
        match step.what:
            case Next.WAIT:
                return
            case Next.START:
                await self._begin_late(host, run, may_begin=may_begin)
            case Next.RESUME:
                resume = partial(self._around.starter.resume, run.run_id)
                await self._try(host, run, resume)
            case Next.CALL_PERSON:
                self._call_person(host, run, step.text)
            case Next.FINISH:
                self._finish(host, run, record=record, text=step.text)

    def _read(self, run_id: str) -> tuple[RunRecord | None, bool]:
        record = read_run(run_id, self._around.journal)
        return record, self._around.lease.is_held(f"run {run_id}")

    def _take_on(self, host: HostUnderWatch, run: RunFollowed, *, text: str) -> Incident:
        host.run = run
        incident = host.incidents[DEAD]
        known = [run_id for run_id in incident.run_ids if run_id != run.run_id]
        show = f"`releve runs show {run.run_id}`"
        incident = replace(
            incident,
            run_ids=(*known, run.run_id),
            next_action=f"Wait for run {run.run_id}: {show}",
        )
        data = {"run_id": run.run_id, "by": run.by.value, "fingerprint": run.fingerprint}
        self._fleet.note(host, incident, _Kind.RUN_STARTED, text=text, **data)
        return incident

    async def _begin_late(
        self, host: HostUnderWatch, run: RunFollowed, *, may_begin: MayBegin
    ) -> None:
        if is_proven_well(host.view, DEAD):
            self._withdraw(host, run, "the host is well again before its run began")
        elif await may_begin(host, run):
            await self._begin(host, run)

    async def _begin(self, host: HostUnderWatch, run: RunFollowed) -> None:
        incident = host.incidents[DEAD]
        order = StartOrder(host.name, incident.incident_id, run.run_id, run.fingerprint)
        await self._try(host, run, partial(self._around.starter.start, order))

    async def _try(
        self, host: HostUnderWatch, run: RunFollowed, begin: Callable[[], Child]
    ) -> None:
        """What fails here is tried again, later and later, then a person is called."""
        run.tries += 1
        run.tried_at = self._around.clock.monotonic()
        try:
            run.child = await self._lookout.in_thread(begin)
        except (ReleveError, OSError) as error:
            fields = {"host": host.name, "run": run.run_id, "why": str(error)}
            self._around.say("run_not_started", fields)

    def _withdraw(self, host: HostUnderWatch, run: RunFollowed, why: str) -> None:
        host.run = None
        incident = host.incidents[DEAD]
        rest = tuple(run_id for run_id in incident.run_ids if run_id != run.run_id)
        withdrawn = replace(
            incident,
            run_ids=rest,
            next_action=f"Look at {host.name}; recover it with `releve recover {host.name}`",
        )
        text = f"run {run.run_id} does not start: {why}"
        self._fleet.note(host, withdrawn, _Kind.HELD_BACK, text=text, run_id=run.run_id)

    def _call_person(self, host: HostUnderWatch, run: RunFollowed, text: str) -> None:
        if run.told == text:
            return
        run.told = text
        incident = replace(host.incidents[DEAD], next_action=text)
        self._fleet.note(host, incident, _Kind.NEEDS_PERSON, text=text, run_id=run.run_id)

    def _finish(
        self, host: HostUnderWatch, run: RunFollowed, *, record: RunRecord | None, text: str
    ) -> None:
        """What was read before is of the instance before: only fresh rounds clear the incident."""
        host.run = None
        host.forget()
        state = record.state.value if record else ""
        next_action = record.next_action if record else ""
        incident = replace(host.incidents[DEAD], next_action=next_action)
        data = {"run_id": run.run_id, "state": state}
        self._fleet.note(host, incident, _Kind.RUN_ENDED, text=text, **data)
        self.over(host)
