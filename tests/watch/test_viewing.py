"""Looking on: what is told of hosts, once, and that nothing is kept, told on or started."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from releve.errors import Unavailable
from releve.model.reading import Lost, Silence
from releve.model.verdict import HostState
from releve.ports.access import Door
from releve.watch.surroundings import Senses
from releve.watch.viewing import View
from tests.fakes.prober import FakeProber
from tests.watch.controller import HURRIED, Ground, in_a_loop, make_ground, until


@dataclass
class Look:
    ground: Ground
    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    troubles: dict[str, Exception] = field(default_factory=dict)  # host to why it has no door

    def find_door(self, host: str) -> Door:
        if host in self.troubles:
            raise self.troubles[host]
        return self.ground.doors[host]

    def make_view(self) -> View:
        async def knock(address: str, port: int) -> bool:
            del port
            return address not in self.ground.down

        async def hurry(seconds: float) -> None:
            await asyncio.sleep(seconds / 200)

        self.prober = FakeProber(self.ground.probed, sleep=hurry)
        senses = Senses(
            prober=self.prober,
            checker=self.ground.checker,
            provider=self.ground.provider,  # type: ignore[arg-type]  # the two calls it answers
            clock=self.ground.clock,
            find_door=self.find_door,
            knock=knock,
            say=lambda event, fields: self.said.append((event, fields)),
        )
        return View(self.ground.plan, senses, pace=HURRIED)

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[View]:
        stop, view = asyncio.Event(), self.make_view()
        task = asyncio.create_task(view.look(stop))
        try:
            yield view
        finally:
            stop.set()
            await asyncio.wait_for(task, 10)

    def told(self, host: str) -> list[str]:
        return [
            fields["state"] + ("" if fields["confirmed"] else "?")
            for event, fields in self.said
            if event == "host" and fields["host"] == host
        ]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    return Look(make_ground(tmp_path))


def states(view: View) -> dict[str, HostState]:
    return {seen.host: seen.verdict.state for seen in view.hosts()}


@in_a_loop
async def test_a_crash_is_told_once_when_it_is_seen_and_once_when_it_is_sure(look: Look) -> None:
    async with look.looking() as view:
        assert await view.settle(within_seconds=10)
        assert set(states(view).values()) == {HostState.HEALTHY}
        since = view.hosts()[0].since
        look.ground.crash("blog")
        await until(lambda: len(look.told("blog")) == 3)
        assert view.hosts()[0].since > since
        look.ground.mend("blog")
        await until(lambda: len(look.told("blog")) == 4)
    assert look.told("blog") == ["healthy", "crashed?", "crashed", "healthy"]
    assert look.told("shop") == ["healthy"]
    json.dumps(look.said)


@in_a_loop
async def test_nothing_is_kept_started_or_left_on_a_host(look: Look) -> None:
    async with look.looking() as view:
        assert await view.settle(within_seconds=10)
        assert len(look.prober.running) == 3
        look.ground.crash("blog")
        await until(lambda: "crashed" in look.told("blog"))
    assert not look.prober.running
    assert not look.prober.following
    assert not look.ground.incidents()
    assert not look.ground.starter.orders


@in_a_loop
async def test_a_host_that_cannot_be_reached_at_all_says_why(look: Look) -> None:
    look.troubles["shop"] = Unavailable("the API does not answer", remedy="wait")
    async with look.looking() as view:
        await until(lambda: any("the API" in seen.verdict.reason for seen in view.hosts()))
        assert states(view)["shop"] is HostState.UNKNOWN
        assert not view.hosts()[1].is_settled
        del look.troubles["shop"]
        assert await view.settle(within_seconds=10)
        assert states(view)["shop"] is HostState.HEALTHY


@in_a_loop
async def test_it_settles_on_a_host_that_nobody_gets_an_answer_from(look: Look) -> None:
    look.ground.speak("blog", Lost(Silence.UNREACHABLE, "no route"))
    look.ground.checker.down.add(look.ground.plan.hosts["blog"].address)
    look.ground.checker.down.add(look.ground.doors["blog"].address)
    async with look.looking() as view:
        assert await view.settle(within_seconds=10)
        assert states(view)["blog"] is HostState.UNREACHABLE


@in_a_loop
async def test_what_is_not_known_ends_the_wait_in_its_time(look: Look) -> None:
    look.troubles["blog"] = Unavailable("the API does not answer", remedy="wait")
    async with look.looking() as view:
        assert not await view.settle(within_seconds=0.3)
        assert [seen.is_settled for seen in view.hosts()] == [False, True, True]
        assert 30 < view.first_verdicts_seconds < 60
