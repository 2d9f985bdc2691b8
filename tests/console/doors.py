"""A console that really listens on loopback, and what it is given to see."""

import asyncio
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from releve.console.application import Doors
from releve.console.serving import serve_console
from releve.errors import JournalError
from releve.model.verdict import Cause, HostState, Verdict
from releve.plan.types import Automation, Plan
from releve.ports.journal import Journal
from releve.watch.snapshot import WatchedHost, WatchSnapshot

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of a console that lives for a test
HEALTHY = Verdict(HostState.HEALTHY, Cause.NONE, "all is well", confirmed=True)
CRASHED = Verdict(HostState.CRASHED, Cause.FILESYSTEM_ERROR, "its root is gone", confirmed=True)


def make_plan() -> Plan:
    def host(address: str, name: str) -> dict[str, object]:
        return {
            "instance": f"{name}-1",
            "image": "base",
            "address": address,
            "converge": {"playbook": "site.yml", "name": name},
            "checks": [{"tcp": 22}],
        }

    return Plan.model_validate(
        {
            "version": 1,
            "provider": {"kind": "lxd", "project": "web"},
            "hosts": {
                "blog": host("198.51.100.11", "blog.example.org"),
                "shop": host("2001:db8::12", "shared"),
                "wiki": host("198.51.100.13", "shared"),
            },
        }
    )


def make_snapshot() -> WatchSnapshot:
    return WatchSnapshot(
        hosts=(
            WatchedHost("blog", CRASHED, Automation.AUTO, 1.5, 10.0, incident_ids=("i-1", "i-2")),
            WatchedHost("shop", HEALTHY, Automation.PROPOSE, None, is_paused=True),
        ),
        since_turn_seconds=0.25,
        lag_seconds=0.05,
        storm="7 of 20 hosts look dead",
        unsaved=3,
        delivered={"team": 4},
        failed={"team": 1},
    )


@dataclass
class Watched:
    """What the console sees, and what it handed on."""

    journal: Journal
    snapshot: WatchSnapshot = field(default_factory=make_snapshot)
    plan: Plan = field(default_factory=make_plan)
    suspected: list[tuple[str, str]] = field(default_factory=list)
    token: str = TOKEN
    fails: bool = False

    def suspect(self, host: str, text: str) -> bool:
        if self.fails:
            raise JournalError("the incidents cannot be written", remedy="make room")
        if host != "wiki":  # which is not watched
            self.suspected.append((host, text))
        return host != "wiki"

    def doors(self) -> Doors:
        return Doors(
            plan=lambda: self.plan,
            snapshot=lambda: self.snapshot,
            suspect=self.suspect,
            journal=self.journal,
            hook_token=self.token,
        )


@contextmanager
def listening(watched: Watched, *, listen: str = "127.0.0.1:0") -> Iterator[str]:
    """The console in an event loop of its own; gives address:port."""
    started: queue.Queue[tuple[int, Callable[[], object]]] = queue.Queue()

    async def serve() -> None:
        stopping, loop = asyncio.Event(), asyncio.get_running_loop()
        async with serve_console(watched.doors(), listen=listen) as port:
            started.put((port, lambda: loop.call_soon_threadsafe(stopping.set)))
            await stopping.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    port, stop = started.get(timeout=10)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        stop()
        thread.join(10)
        assert not thread.is_alive()


def connect(place: str) -> socket.socket:
    address, _, port = place.rpartition(":")
    connection = socket.create_connection((address, int(port)), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
