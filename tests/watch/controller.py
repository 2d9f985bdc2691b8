"""The whole watch in one loop, hurried: fakes outside, a real journal, and a process that dies."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from releve.adapters.store import open_store
from releve.errors import PlanError, Unavailable
from releve.model.checks import CheckResult
from releve.model.incident import Incident, IncidentEventKind
from releve.model.reading import InsideReading, Lost
from releve.model.resources import HostKey, Instance, Power
from releve.model.run import Output, RunInput, RunState
from releve.plan.types import Plan
from releve.ports.access import Door
from releve.ports.checker import Checker, Vantage
from releve.ports.child import Child
from releve.ports.incident_store import IncidentStore
from releve.ports.journal import Journal
from releve.ports.notifier import Notifier
from releve.watch.starting import Starter, StartOrder
from releve.watch.surroundings import Pace, Surroundings
from releve.watch.watching import Watcher
from tests.fakes.clock import RealClock
from tests.fakes.incident_store import FakeIncidentStore
from tests.fakes.notifier import FakeNotifier
from tests.fakes.prober import FakeProbedHost, FakeProber
from tests.watch.paper_fleet import plan_of
from tests.watch.readings import EXT4_ERROR, inside, mount

HURRIED = Pace(turn=0.02, attend=0.05, trouble=0.05, door=0.2, poll_run=0.02, settle=0.5, leave=0.5)
KEY = HostKey("ssh-ed25519", "AAAA")
FINGERPRINT = "f" * 64
SHORT = {"dwell": timedelta(seconds=0.1), "unreachable_after": timedelta(seconds=0.4)}


class HastyClock(RealClock):
    """Goes on by leaps where a test does not want to wait."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class SwitchedChecker(Checker):
    """Checks pass but at the addresses that are down."""

    def __init__(self) -> None:
        self.down: set[str] = set()

    def run_checks(self, checks: Any, *, vantage: Vantage) -> tuple[CheckResult, ...]:
        passed = vantage.address not in self.down
        why = "it answers" if passed else "connection refused"
        return tuple(CheckResult("tcp 80", "tcp", passed, why, 0.0, vantage.name) for _ in checks)


class SwitchedProvider:
    """Only what the watch asks of a provider: the one instance of a host, by name."""

    def __init__(self) -> None:
        self.is_down = False

    def find_instances(
        self, *, name: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Instance, ...]:
        if self.is_down:
            raise Unavailable("the API does not answer", remedy="wait")
        return (Instance("id", name, Power.RUNNING),) if name and not labels else ()


@dataclass
class FakeChild(Child):
    exit_code: int | None = None

    def poll(self) -> int | None:
        return self.exit_code

    def stop(self, *, within_seconds: float) -> None:
        del within_seconds
        self.exit_code = -15


@dataclass
class FakeStarter(Starter):
    """Opens the run in the journal, as the real process does at its beginning."""

    journal: Journal
    print_: str = FINGERPRINT
    orders: list[StartOrder] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    children: list[FakeChild] = field(default_factory=list)
    before_start: Callable[[], None] = lambda: None
    after_start: Callable[[], None] = lambda: None

    def fingerprint(self, host: str) -> str:
        del host
        if not self.print_:
            raise PlanError("releve.yml is gone", remedy="put it back")
        return self.print_

    def start(self, order: StartOrder) -> Child:
        self.before_start()
        self.orders.append(order)
        epoch = self.journal.next_epoch(order.host)
        self.journal.open_run(run_input(order.run_id, order.host, epoch))
        self.after_start()
        return self._make_child()

    def resume(self, run_id: str) -> Child:
        self.resumed.append(run_id)
        return self._make_child()

    def _make_child(self) -> Child:
        self.children.append(FakeChild())
        return self.children[-1]


def run_input(run_id: str, host: str, epoch: int = 1) -> RunInput:
    plan: Output = {"host": {}}
    return RunInput(1, run_id, host, epoch, plan, "/", FINGERPRINT, (), "2026-11-26T03:15:00+00:00")


class Died(Exception):
    """What a test raises where SIGKILL would strike; nothing after it is done or written."""


@dataclass
class Ground:
    """All that outlives a watching process, and what it looks at."""

    directory: Path
    plan: Plan
    store: IncidentStore = field(default_factory=FakeIncidentStore)
    notifier: Notifier = field(default_factory=FakeNotifier)
    checker: SwitchedChecker = field(default_factory=SwitchedChecker)
    provider: SwitchedProvider = field(default_factory=SwitchedProvider)
    clock: RealClock = field(default_factory=RealClock)
    world_answers: bool = True
    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    doors: dict[str, Door] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.journal, self.lease = open_store(self.directory, "")
        self.starter = FakeStarter(self.journal)
        self.probed: dict[str, FakeProbedHost] = {}
        for name, host in self.plan.hosts.items():
            self.doors[name] = Door(host.address, 22, "root", (KEY,))
            self.probed[host.address] = FakeProbedHost(KEY, self.well())

    def well(self) -> InsideReading:
        return replace(inside(), host_time=self.clock.now())

    def speak(self, name: str, said: InsideReading | Lost) -> None:
        self.probed[self.doors[name].address].speak(said)

    def crash(self, name: str) -> None:
        """Told again and again, as a probe does where it sees trouble."""
        self.speak(name, self.crashed())

    def crashed(self) -> InsideReading:
        return replace(inside(mount(**EXT4_ERROR)), host_time=self.clock.now())

    def mend(self, name: str) -> None:
        self.speak(name, self.well())

    def make_watcher(self) -> Watcher:
        async def knock(address: str, port: int) -> bool:
            del port
            return self.world_answers if address == "192.0.2.1" else address not in self.down

        async def hurry(seconds: float) -> None:
            await asyncio.sleep(seconds / 200)

        around = Surroundings(
            prober=FakeProber(self.probed, sleep=hurry),
            checker=self.checker,
            provider=self.provider,  # type: ignore[arg-type]  # the two calls that it answers
            notifier=self.notifier,
            incidents=self.store,
            journal=self.journal,
            lease=self.lease,
            starter=self.starter,
            clock=self.clock,
            find_door=self.doors.__getitem__,
            knock=knock,
            say=lambda event, fields: self.said.append((event, fields)),
        )
        return Watcher(self.plan, around, name="test", pace=HURRIED)

    @property
    def down(self) -> set[str]:
        return self.checker.down

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Watcher]:
        stop = asyncio.Event()
        watcher = self.make_watcher()
        task = asyncio.create_task(watcher.watch(stop))
        try:
            yield watcher
        finally:
            stop.set()
            await asyncio.wait_for(task, 10)

    async def watch_until_it_dies(self) -> None:
        """One life that ends by `Died`, wherever a test has put it."""
        with pytest.RaisesGroup(Died):
            await asyncio.wait_for(self.make_watcher().watch(asyncio.Event()), 10)

    def finish(self, run_id: str, state: RunState, next_action: str = "") -> None:
        """The process of the run comes to an end."""
        self.journal.set_state(run_id, state, next_action=next_action)
        for child in self.starter.children:
            child.exit_code = 0

    def incidents(self, **only: Any) -> tuple[Incident, ...]:
        return self.store.list_incidents(**only)

    def kinds(self, incident: Incident) -> list[IncidentEventKind]:
        quiet = {IncidentEventKind.NOTIFIED, IncidentEventKind.NOT_NOTIFIED}
        events = self.store.read_events(incident.incident_id)
        return [event.kind for event in events if event.kind not in quiet]

    def copy_store(self) -> IncidentStore:
        """As it is on disk at this instant."""
        store = FakeIncidentStore()
        assert isinstance(self.store, FakeIncidentStore)
        store._incidents = dict(self.store._incidents)
        store._events = list(self.store._events)
        store._approvals = dict(self.store._approvals)
        store._pauses = dict(self.store._pauses)
        return store


def make_ground(directory: Path, *, automation: str = "auto", hosts: int = 3) -> Ground:
    names = ("blog", "shop", "wiki", *(f"host-{number}" for number in range(3, hosts)))[:hosts]
    watch = {
        "interval": "10s",
        "dwell": "1s",
        "unreachable_after": "5s",
        "check_interval": "5s",
        "outside": "192.0.2.1:443",
    }
    plan = plan_of(*names, automation=automation, **watch)
    hurried = plan.watch.model_copy(update=SHORT)
    return Ground(directory, plan.model_copy(update={"watch": hurried}))


async def until(holds: Callable[[], Any], *, seconds: float = 5.0) -> Any:
    """What it gives once it gives something; fails where it never does."""
    give_up = asyncio.get_running_loop().time() + seconds
    while not (found := holds()):
        assert asyncio.get_running_loop().time() < give_up, "it never came"
        await asyncio.sleep(0.01)
    return found


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that awaits; each has a loop of its own."""

    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return run
