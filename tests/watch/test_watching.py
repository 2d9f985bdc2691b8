"""The loop: from the first bad reading to the new instance that answers well."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from releve.errors import JournalError, RunHeld
from releve.model.incident import (
    Approval,
    Incident,
    IncidentEvent,
    IncidentEventKind,
    IncidentState,
    Pause,
)
from releve.model.run import RunState
from releve.model.verdict import HostState
from releve.ports.incident_store import IncidentStore
from releve.ports.notifier import Delivery, Notice
from tests.fakes.incident_store import FakeIncidentStore
from tests.fakes.notifier import FakeNotifier
from tests.watch.controller import (
    FINGERPRINT,
    Died,
    Ground,
    HastyClock,
    in_a_loop,
    make_ground,
    run_input,
    until,
)
from tests.watch.readings import LOST

_Kind = IncidentEventKind


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return make_ground(tmp_path)


def confirmed(ground: Ground) -> Incident | None:
    found = [item for item in ground.incidents() if item.state is IncidentState.CONFIRMED]
    return found[0] if found else None


def held_for(ground: Ground, words: str) -> bool:
    """Whether any incident was held back for a reason with these words."""
    events = [
        event for item in ground.incidents() for event in ground.store.read_events(item.incident_id)
    ]
    return any(event.kind is _Kind.HELD_BACK and words in event.text for event in events)


def titles(ground: Ground) -> list[str]:
    assert isinstance(ground.notifier, FakeNotifier)
    return [notice.body.partition(":")[0] for notice in ground.notifier.sent]


async def start_one(ground: Ground, host: str = "blog") -> str:
    """A crash, and the id of the run that follows from it."""
    ground.crash(host)
    await until(lambda: ground.starter.children)
    return ground.starter.orders[-1].run_id


def has_children(ground: Ground, number: int) -> bool:
    return len(ground.starter.children) == number


@in_a_loop
async def test_from_the_crash_to_the_new_instance(ground: Ground) -> None:
    async with ground.watching() as watcher:
        await until(lambda: watcher.snapshot().count(HostState.HEALTHY) == 3)
        run_id = await start_one(ground)
        (incident,) = ground.incidents()
        assert (incident.run_ids, incident.host) == ((run_id,), "blog")
        assert ground.starter.orders[0].fingerprint == FINGERPRINT
        ground.doors["blog"] = replace(ground.doors["blog"], known_as="new instance")
        ground.mend("blog")
        await asyncio.sleep(0.2)
        assert not ground.incidents()[0].state.is_over  # its run goes on
        ground.finish(run_id, RunState.DONE, "Nothing more to do")
        await until(lambda: ground.incidents()[0].state.is_over)
        await until(lambda: len(titles(ground)) == 3)
    assert ground.kinds(incident) == [
        _Kind.OPENED,
        _Kind.CONFIRMED,
        _Kind.RUN_STARTED,
        _Kind.RUN_ENDED,
        _Kind.CLEARED,
    ]
    assert titles(ground) == ["confirmed", "run-ended", "cleared"]
    assert len(ground.starter.orders) == 1


@in_a_loop
async def test_bad_rounds_of_the_new_instance_do_not_clear(ground: Ground) -> None:
    async with ground.watching():
        run_id = await start_one(ground)
        ground.speak("blog", LOST)
        ground.finish(run_id, RunState.DONE)
        await until(lambda: len(titles(ground)) == 2)
        await asyncio.sleep(0.2)
        assert not ground.incidents()[0].state.is_over


@in_a_loop
@pytest.mark.parametrize("moment", ["before it starts", "after it began"])
async def test_killed_between_decision_and_start_there_is_one_run(
    tmp_path: Path, moment: str
) -> None:
    ground, on_disk = make_ground(tmp_path), []

    def die() -> None:
        on_disk.append(ground.copy_store())
        raise Died

    if moment == "before it starts":
        ground.starter.before_start = die
    else:
        ground.starter.after_start = die
    ground.crash("blog")
    await ground.watch_until_it_dies()
    (ordered,) = on_disk[0].list_incidents()[0].run_ids
    ground.store = on_disk[0]
    ground.starter.before_start = ground.starter.after_start = lambda: None
    async with ground.watching():
        await until(lambda: ground.starter.children)
        await asyncio.sleep(0.3)
    assert {record.input.run_id for record in ground.journal.list_runs()} == {ordered}
    assert len(ground.starter.children) == 1
    assert len(ground.starter.resumed) == (moment == "after it began")


@in_a_loop
async def test_an_order_of_an_earlier_life_does_not_begin_for_a_host_that_is_well(
    ground: Ground,
) -> None:
    on_disk: list[IncidentStore] = []

    def die() -> None:
        on_disk.append(ground.copy_store())
        raise Died

    ground.starter.before_start = die
    ground.crash("blog")
    await ground.watch_until_it_dies()
    ground.store = on_disk[0]
    ground.starter.before_start = lambda: None
    ground.mend("blog")
    async with ground.watching():
        await until(lambda: ground.incidents()[0].state.is_over)
    assert ground.starter.orders == []
    assert ground.incidents()[0].run_ids == ()
    assert held_for(ground, "well again before its run began")


@in_a_loop
async def test_a_run_whose_process_died_is_gone_on_with_and_at_last_a_person_is_called(
    ground: Ground,
) -> None:
    ground.clock = clock = HastyClock()
    async with ground.watching():
        run_id = await start_one(ground)
        for tries in range(1, 4):
            ground.starter.children[-1].exit_code = -9
            clock.ahead += 60
            await until(partial(has_children, ground, tries + 1))
        ground.starter.children[-1].exit_code = -9
        clock.ahead += 60
        await until(lambda: _Kind.NEEDS_PERSON in ground.kinds(ground.incidents()[0]))
        assert f"`releve resume {run_id}`" in ground.incidents()[0].next_action
        ground.finish(run_id, RunState.DONE)
        await until(lambda: _Kind.RUN_ENDED in ground.kinds(ground.incidents()[0]))
    assert ground.starter.resumed == [run_id] * 3


@in_a_loop
async def test_a_run_that_needs_a_person_is_told_once_and_not_started_anew(
    ground: Ground,
) -> None:
    async with ground.watching():
        run_id = await start_one(ground)
        ground.finish(run_id, RunState.NEEDS_PERSON, "Mend the playbook, then resume")
        await until(lambda: "needs-person" in titles(ground))
        await asyncio.sleep(0.3)
    assert ground.incidents()[0].next_action == "Mend the playbook, then resume"
    assert titles(ground).count("needs-person") == 1
    async with ground.watching():  # and not by the next life either
        await asyncio.sleep(0.3)
    assert titles(ground).count("needs-person") == 1
    assert len(ground.starter.orders) == 1


@in_a_loop
async def test_what_a_person_put_back_is_not_started_anew(ground: Ground) -> None:
    async with ground.watching():
        run_id = await start_one(ground)
        ground.finish(run_id, RunState.UNDONE, "Put back")
        await until(lambda: held_for(ground, "a person goes on"))
    assert len(ground.starter.orders) == 1


@in_a_loop
async def test_a_run_that_a_person_started_is_followed(ground: Ground) -> None:
    ground.journal.open_run(run_input("byhand", "blog"))
    ground.lease.hold(("run byhand",))
    async with ground.watching():
        ground.crash("blog")
        await until(lambda: ground.incidents() and ground.incidents()[0].run_ids == ("byhand",))
        ground.mend("blog")
        ground.finish("byhand", RunState.DONE)
        await until(lambda: ground.incidents()[0].state.is_over)
    assert ground.starter.orders == []


@in_a_loop
async def test_an_approval_is_used_once(tmp_path: Path) -> None:
    ground = make_ground(tmp_path, automation="approve")
    async with ground.watching():
        ground.crash("blog")
        await until(lambda: "approval-wanted" in titles(ground))
        incident = ground.incidents()[0]
        assert f"`releve approve {incident.incident_id}`" in incident.next_action
        await asyncio.sleep(0.2)
        assert ground.starter.orders == []
        now = ground.clock.now()
        hour = timedelta(hours=1)
        yes = Approval(incident.incident_id, "blog", FINGERPRINT, "ada", now, now + hour)
        ground.store.approve(replace(yes, fingerprint="changed"))
        await asyncio.sleep(0.2)
        assert ground.starter.orders == []
        ground.store.approve(yes)
        await until(lambda: ground.starter.children)
        assert not ground.store.use_approval(yes)
        ground.finish(ground.starter.orders[0].run_id, RunState.DONE)
        await until(lambda: _Kind.RUN_ENDED in ground.kinds(incident))
        await asyncio.sleep(0.3)  # still crashed, and nobody has agreed again
    assert len(ground.starter.orders) == 1
    assert titles(ground).count("approval-wanted") == 1


@in_a_loop
async def test_propose_starts_nothing(tmp_path: Path) -> None:
    ground = make_ground(tmp_path, automation="propose")
    async with ground.watching():
        ground.crash("blog")
        await until(
            lambda: ground.incidents() and _Kind.PROPOSED in ground.kinds(ground.incidents()[0])
        )
        await asyncio.sleep(0.2)
    assert ground.starter.orders == []
    assert "`releve recover blog`" in ground.incidents()[0].next_action


@in_a_loop
async def test_a_pause_holds_back_and_its_end_lets_go(ground: Ground) -> None:
    ground.store.pause(Pause("", "ada", "moving racks", ground.clock.now(), None))
    async with ground.watching() as watcher:
        ground.crash("blog")
        await until(lambda: held_for(ground, "a pause of every host by ada"))
        assert all(host.is_paused for host in watcher.snapshot().hosts)
        await asyncio.sleep(0.2)
        assert ground.starter.orders == []
        ground.store.end_pause("")
        await until(lambda: ground.starter.orders)


@in_a_loop
async def test_without_two_controls_nothing_starts_by_itself(ground: Ground) -> None:
    ground.provider.is_down, ground.world_answers = True, False
    async with ground.watching():
        ground.crash("blog")
        await until(lambda: held_for(ground, "1 of 3 controls reachable"))
    assert ground.starter.orders == []


@in_a_loop
async def test_a_storm_starts_nothing_and_is_told_once(tmp_path: Path) -> None:
    ground = make_ground(tmp_path, hosts=30)
    async with ground.watching() as watcher:
        await until(lambda: watcher.snapshot().count(HostState.HEALTHY) == 30)
        for name in list(ground.plan.hosts)[:12]:
            ground.speak(name, LOST)
            ground.down.add(ground.plan.hosts[name].address)
        await until(lambda: watcher.snapshot().storm)
        await until(lambda: watcher.snapshot().count(HostState.UNREACHABLE) == 12)
        await asyncio.sleep(0.5)
    assert isinstance(ground.notifier, FakeNotifier)
    assert [notice.title for notice in ground.notifier.sent] == ["Many hosts look dead"]
    assert ground.starter.orders == []
    assert sum(item.verdict.is_dead for item in ground.incidents()) == 12


@in_a_loop
async def test_three_a_day_survive_a_restart(ground: Ground) -> None:
    for number in (1, 2, 3):
        async with ground.watching():
            ground.crash("blog")
            await until(partial(has_children, ground, number))
            ground.finish(ground.starter.orders[-1].run_id, RunState.DONE)
            ground.mend("blog")
            await until(lambda: not ground.incidents(only_open=True))
    async with ground.watching():
        ground.crash("blog")
        await until(lambda: held_for(ground, "3 runs of blog started by themselves"))
    assert len(ground.starter.orders) == 3


@in_a_loop
async def test_unreachable_is_confirmed_from_outside(ground: Ground) -> None:
    async with ground.watching():
        await asyncio.sleep(0.2)
        ground.down.add(ground.plan.hosts["blog"].address)
        ground.speak("blog", LOST)
        incident = await until(lambda: confirmed(ground))
        assert incident.verdict.state is HostState.UNREACHABLE


@in_a_loop
async def test_a_suspicion_is_looked_into_and_kept(ground: Ground) -> None:
    async with ground.watching() as watcher:
        assert not watcher.suspect("nobody", "down")
        assert watcher.suspect("blog", "Alertmanager: HostDown")
        await asyncio.sleep(0.1)
        assert ground.incidents() == ()
        ground.crash("blog")
        await until(lambda: confirmed(ground))
    assert ground.kinds(ground.incidents()[0])[:2] == [_Kind.REPORTED, _Kind.OPENED]


class FullStore(FakeIncidentStore):
    is_full = True

    def save(self, incident: Incident, *events: IncidentEvent) -> None:
        if self.is_full:
            raise JournalError("no space left", remedy="make room")
        super().save(incident, *events)


@in_a_loop
async def test_a_full_store_loses_nothing_starts_nothing_and_people_are_told(
    tmp_path: Path,
) -> None:
    ground = make_ground(tmp_path)
    ground.store = store = FullStore()
    async with ground.watching() as watcher:
        ground.crash("blog")
        await until(lambda: "confirmed" in titles(ground))
        await asyncio.sleep(0.6)
        assert ground.starter.orders == []
        assert watcher.snapshot().unsaved == 1
        store.is_full = False
        await until(lambda: ground.starter.orders)
    kinds = ground.kinds(ground.incidents()[0])
    assert kinds[:2] == [_Kind.OPENED, _Kind.CONFIRMED]
    assert kinds[-1] is _Kind.RUN_STARTED


class StuckNotifier(FakeNotifier):
    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def send(self, notice: Notice) -> tuple[Delivery, ...]:
        self.let_go.wait(10)
        return super().send(notice)


@in_a_loop
async def test_a_channel_that_hangs_delays_no_run(tmp_path: Path) -> None:
    ground = make_ground(tmp_path)
    ground.notifier = notifier = StuckNotifier()
    async with ground.watching():
        await start_one(ground)
        notifier.let_go.set()


@in_a_loop
async def test_what_channels_made_of_it_is_kept(tmp_path: Path) -> None:
    ground = make_ground(tmp_path, automation="propose")
    ground.notifier = FakeNotifier(("mail", "chat"), failures={"chat": "refused"})
    async with ground.watching() as watcher:
        ground.crash("blog")
        incident = await until(lambda: confirmed(ground))
        await until(lambda: watcher.snapshot().failed)
        assert watcher.snapshot().delivered == {"mail": 1}
    events = ground.store.read_events(incident.incident_id)
    told = {event.kind: event.text for event in events}
    assert told[_Kind.NOTIFIED] == "mail was told"
    assert told[_Kind.NOT_NOTIFIED] == "chat: refused"


@in_a_loop
async def test_two_processes_do_not_watch_the_same_plan(tmp_path: Path) -> None:
    ground, other = make_ground(tmp_path), make_ground(tmp_path)
    async with ground.watching():
        await asyncio.sleep(0.05)
        with pytest.raises(RunHeld):
            await other.make_watcher().watch(asyncio.Event())


@in_a_loop
async def test_an_open_incident_is_taken_up_and_cleared_by_fresh_rounds(ground: Ground) -> None:
    ground.starter.print_ = ""  # nothing can start
    async with ground.watching():
        ground.crash("blog")
        await until(lambda: confirmed(ground) and "confirmed" in titles(ground))
    ground.mend("blog")
    async with ground.watching():
        await until(lambda: ground.incidents()[0].state.is_over)
        await until(lambda: "cleared" in titles(ground))
    assert titles(ground).count("confirmed") == 1
    assert len(ground.incidents()) == 1
