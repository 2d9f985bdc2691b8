"""What `releve serve` does when what it stands on fails: real state, fakes outside."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from releve.adapters.store import open_incident_store, open_observed_store, open_store
from releve.cli.serving import Rhythm, Service
from releve.cli.systemd import Systemd
from releve.errors import JournalError, Unavailable
from releve.model.incident import IncidentState
from releve.plan.loading import LoadedPlan
from releve.plan.rereading import PlanReader
from releve.ports.access import Door
from releve.ports.incident_store import IncidentStore
from releve.watch.surroundings import Pace, Surroundings
from releve.wiring import State
from tests.fakes.clock import RealClock
from tests.fakes.notifier import FakeNotifier
from tests.fakes.prober import FakeProbedHost, FakeProber
from tests.watch.controller import KEY, FakeStarter, SwitchedChecker, SwitchedProvider, in_a_loop
from tests.watch.readings import EXT4_ERROR, inside, mount
from tests.watch.serving import Controller

HURRIED = Rhythm(0.1, Pace(turn=0.05, attend=0.2, trouble=0.1, settle=0.5, leave=0.5))
PLAN = """\
version: 1
provider: {{kind: lxd, endpoint: /nowhere/unix.socket, pool: default}}
watch:
  {{listen: "{listen}", interval: 1s, dwell: 1s, unreachable_after: 5s, outside: "192.0.2.1:443"}}
hosts:
"""
HOST = """\
  {name}:
    instance: {name}
    image: base
    address: 198.51.100.{number}
    automation: auto
    converge: {{playbook: site.yml, inventory: [hosts.ini]}}
    checks: [{{tcp: 80}}]
"""


def write_plan(directory: Path, *hosts: str, listen: str = "") -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "site.yml").write_text("- hosts: all\n")
    (directory / "hosts.ini").write_text("".join(f"{name}\n" for name in (*hosts, "store")))
    written = [HOST.format(name=name, number=number) for number, name in enumerate(hosts, 10)]
    plan = directory / "releve.yml"
    plan.write_text(PLAN.format(listen=listen) + "".join(written))
    return plan


@dataclass
class Bench:
    """A service in this process: its state on disk, its hosts scripted."""

    directory: Path
    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    hosts: dict[str, FakeProbedHost] = field(default_factory=dict)
    troubles: list[Exception] = field(default_factory=list)  # of the next attempts to begin
    notifier: FakeNotifier = field(default_factory=FakeNotifier)
    incidents: IncidentStore | None = None  # in place of the real one

    def __post_init__(self) -> None:
        journal, lease = open_store(self.directory / "state")
        observed, findings = open_observed_store(self.directory / "state")
        clock = RealClock()
        self.state = State(self.directory / "state", "", journal, lease, clock, observed, findings)
        self.starter = FakeStarter(journal)
        self.plan = write_plan(self.directory / "repository", "blog", "shop")

    def surround(self, loaded: LoadedPlan, *, state: State, say: Any, **_: Any) -> Surroundings:
        if self.troubles:
            raise self.troubles.pop(0)
        doors = {name: self.door(name, host.address) for name, host in loaded.plan.hosts.items()}

        async def knock(address: str, port: int) -> bool:
            del address, port
            return True

        return Surroundings(
            prober=FakeProber(self.hosts),
            checker=SwitchedChecker(),
            provider=OpenProvider(),  # type: ignore[arg-type]  # the calls that it answers
            notifier=self.notifier,
            incidents=self.incidents or open_incident_store(self.directory / "state"),
            journal=state.journal,
            lease=open_store(self.directory / "state")[1],
            starter=self.starter,
            clock=state.clock,
            find_door=doors.__getitem__,
            knock=knock,
            say=say,
        )

    def door(self, name: str, address: str) -> Door:
        self.hosts.setdefault(address, FakeProbedHost(KEY))
        return Door(address, 22, "root", (KEY,), (), name)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Service]:
        plans = PlanReader(self.plan, require=lambda _loaded: None, say=self.say)
        service = Service(plans, self.state, say=self.say, surround=self.surround, rhythm=HURRIED)
        task = asyncio.create_task(service.serve(plans.load()))
        try:
            yield service
        finally:
            service.stop()
            await asyncio.wait_for(task, 30)
        assert self.said[-1][0] == "stopped"

    def say(self, event: str, fields: dict[str, Any]) -> None:
        json.dumps(fields)
        self.said.append((event, fields))

    def told(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in list(self.said) if name == event]

    async def hears(self, event: str, number: int = 1, *, seconds: float = 20.0) -> dict[str, Any]:
        await self.until(lambda: len(self.told(event)) >= number, event, seconds=seconds)
        return self.told(event)[number - 1]

    async def until(self, holds: Callable[[], Any], what: str, *, seconds: float = 20.0) -> None:
        give_up = asyncio.get_running_loop().time() + seconds
        while not holds():
            assert asyncio.get_running_loop().time() < give_up, f"no {what}: {self.said}"
            await asyncio.sleep(0.02)

    def crash(self, address: str = "198.51.100.10") -> None:
        self.hosts[address].speak(inside(mount(**EXT4_ERROR)))

    def kept(self) -> list[IncidentState]:
        store = open_incident_store(self.directory / "state")
        return [incident.state for incident in store.list_incidents()]


class OpenProvider(SwitchedProvider):
    def close(self) -> None:
        pass


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "state").mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(tmp_path / "state")]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs: run as root")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path / "state")], check=True)


@in_a_loop
async def test_a_crash_is_kept_told_and_answered(bench: Bench) -> None:
    async with bench.serving():
        await bench.hears("watching")
        bench.crash()
        await bench.hears("incident_run_started")
        await bench.until(lambda: bench.starter.orders, "order")
    assert bench.kept() == [IncidentState.CONFIRMED]
    assert len(bench.starter.orders) == 1
    assert not bench.starter.children[0].exit_code, "the end of serve ended a recovery"


@pytest.mark.real
@in_a_loop
async def test_a_full_disk_lets_no_run_start_and_stops_nothing_else(small_disk: Path) -> None:
    bench, ballast = Bench(small_disk), small_disk / "state" / "ballast"
    async with bench.serving():
        await bench.hears("watching")
        with ballast.open("wb") as file:
            file.truncate()
            while fill(file.fileno()):
                pass
        bench.crash()
        await bench.hears("incident_confirmed")
        await bench.hears("incident_not_kept")
        await bench.until(lambda: bench.notifier.sent, "notice")
        assert not bench.starter.orders
        ballast.unlink()
        await bench.until(lambda: bench.starter.orders, "order", seconds=60)
    assert bench.kept() == [IncidentState.CONFIRMED]


def fill(file: int) -> bool:
    try:
        return bool(os.write(file, bytes(4096)))
    except OSError:
        return False


@in_a_loop
async def test_a_locked_database_delays_records_and_nothing_else(bench: Bench) -> None:
    async with bench.serving():
        await bench.hears("watching")
        with closing(sqlite3.connect(bench.directory / "state" / "journal.db")) as other:
            other.execute("begin exclusive")
            bench.crash()
            await bench.hears("incident_confirmed")
            await bench.until(lambda: bench.notifier.sent, "notice")
            assert not bench.starter.orders
            other.rollback()
        await bench.until(lambda: bench.starter.orders, "order", seconds=60)
    assert bench.kept() == [IncidentState.CONFIRMED]


@in_a_loop
async def test_without_a_network_it_waits_says_so_once_and_begins(bench: Bench) -> None:
    gone = Unavailable("the API does not answer", remedy="wait")
    bench.troubles = [gone, gone, JournalError("locked", remedy="wait")]
    async with bench.serving():
        await bench.hears("watching")
    assert len(bench.told("watch_waits")) == 2
    assert not bench.troubles


@in_a_loop
async def test_a_plan_that_changes_is_watched_and_a_wrong_one_is_not(bench: Bench) -> None:
    good = bench.plan.read_text()
    async with bench.serving():
        await bench.hears("watching")
        bench.plan.write_text("version: 1\n")
        await bench.hears("plan_refused")
        bench.crash()
        await bench.hears("incident_confirmed")  # by the last good one
        bench.troubles = [Unavailable("another provider that does not answer", remedy="wait")]
        bench.plan.write_text(good.replace("  shop:", "  store:"))
        await bench.hears("watch_waits")
        await bench.hears("watching", 2)
        await bench.hears("plan_accepted")
    assert [told["hosts"] for told in bench.told("watching")] == [
        ["blog", "shop"],
        ["blog", "store"],
    ]
    assert len(bench.told("plan_refused")) == 1
    assert len(bench.told("incident_opened")) == 1, "the second watch takes the incident up"


@in_a_loop
async def test_it_answers_over_http_while_it_serves(bench: Bench) -> None:
    bench.plan = write_plan(bench.directory / "repository", "blog", listen=find_place())
    async with bench.serving():
        address = (await bench.hears("listening"))["address"]
        async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as client:
            assert (await client.get("/healthz")).status_code == 200
            assert 'releve_hosts{state="' in (await client.get("/metrics")).text
    host, _, port = address.rpartition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))


def find_place() -> str:
    """An address and a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    made = Controller(tmp_path)
    write_plan(made.repository, "blog")
    return made


def test_the_command_waits_for_its_provider_refuses_a_second_and_ends_on_sigterm(
    controller: Controller,
) -> None:
    with controller.serving():
        waits = controller.wait_for("watch_waits")
        second = controller.run("serve")
        assert (second.returncode, "another `releve serve`" in second.stderr) == (1, True)
        assert controller.end(signal.SIGTERM) == 0
    assert "/nowhere/unix.socket" in json.dumps(waits) or "LXD" in waits["why"]
    assert controller.events()[-1]["event"] == "stopped"


@pytest.mark.parametrize(
    ("plan", "code"), [("version: 1\nhosts: 3\n", 2), ("hook_token_file: /nowhere/token", 2)]
)
def test_a_plan_that_is_wrong_at_the_start_ends_it(
    controller: Controller, plan: str, code: int
) -> None:
    text = controller.plan.read_text()
    is_part = plan.startswith("hook")
    controller.plan.write_text(text.replace("listen:", f"{plan}, listen:") if is_part else plan)
    done = controller.run("serve")
    assert done.returncode == code, done.stdout
    assert "Do this" in done.stderr


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.setenv("WATCHDOG_USEC", "60000000")
        systemd = Systemd()
        systemd.tell("READY=1")
        assert listener.recv(100) == b"READY=1"
    assert systemd.ping_seconds == 30
    assert "NOTIFY_SOCKET" not in os.environ
    systemd.tell("WATCHDOG=1")  # nobody listens any more
    assert Systemd().ping_seconds == 0
