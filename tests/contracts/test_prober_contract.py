"""What a watcher may rely on of a prober, held by the fake and over a real sshd."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from releve.model.reading import InsideReading, Lost, Silence, WriteOutcome
from releve.ports.access import Door
from releve.ports.prober import ProbeOrder
from tests.adapters.sshd import SSHD
from tests.contracts.probe_range import FakeProbeRange, ProbeRange, SshProbeRange

ORDER = ProbeOrder(interval_seconds=0.5, silent_seconds=5.0, mounts=("/",))
Said = list[InsideReading | Lost]


@pytest.fixture(params=["fake", "ssh"])
def field(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProbeRange]:
    if request.param == "ssh" and (SSHD is None or os.geteuid() != 0):
        pytest.skip("REAL SSHD NOT TESTED: needs root and the package openssh-server")
    found = FakeProbeRange() if request.param == "fake" else SshProbeRange(tmp_path)
    yield found
    found.end()


def test_readings_come_in_their_order_until_it_is_cancelled(field: ProbeRange) -> None:
    async def story() -> Said:
        async with following(field, field.door) as said:
            await until(lambda: len(said) >= 3)
            assert await asyncio.to_thread(field.count_probes) == 1
        assert await asyncio.to_thread(field.count_probes) == 0
        await field.prober.close()
        return said

    said = asyncio.run(story())
    readings = [one for one in said if isinstance(one, InsideReading)]
    assert readings == said
    sequences = [reading.sequence for reading in readings]
    assert sequences == sorted(set(sequences))
    assert {reading.boot_id for reading in readings} == {readings[0].boot_id}
    assert [mount.path for mount in readings[0].mounts] == ["/"]
    assert readings[0].mounts[0].write is WriteOutcome.WRITTEN
    assert readings[0].mounts[0].bytes_total > readings[0].mounts[0].bytes_free > 0


def test_a_host_that_falls_silent_is_lost_and_found_again(field: ProbeRange) -> None:
    async def story() -> None:
        async with following(field, field.door) as said:
            await until(lambda: bool(said))
            await asyncio.to_thread(field.cut)
            await until(lambda: isinstance(said[-1], Lost))
            await asyncio.to_thread(field.mend)
            await until(lambda: isinstance(said[-1], InsideReading))
        lost = [one for one in said if isinstance(one, Lost)]
        assert {one.kind for one in lost} <= {Silence.UNREACHABLE, Silence.ENDED}
        assert all(one.reason for one in lost)
        await field.prober.close()

    asyncio.run(story())


def test_another_host_key_is_told_and_nothing_is_run_there(field: ProbeRange) -> None:
    async def story() -> None:
        async with following(field, field.other_door()) as said:
            await until(lambda: bool(said))
            running = await asyncio.to_thread(field.count_probes)
        assert isinstance(said[0], Lost)
        assert said[0].kind is Silence.WRONG_KEY
        assert running == 0
        await field.prober.close()

    asyncio.run(story())


def test_an_error_of_the_taker_ends_the_following(field: ProbeRange) -> None:
    class Full(Exception):
        pass

    def take(_: InsideReading | Lost) -> None:
        raise Full

    async def story() -> None:
        with pytest.raises(Full):
            async with asyncio.timeout(20):
                await field.prober.follow(field.door, order=ORDER, take=take)
        await field.prober.close()
        assert await asyncio.to_thread(field.count_probes) == 0

    asyncio.run(story())


def test_after_close_nothing_of_it_is_left(field: ProbeRange) -> None:
    async def story() -> None:
        said: Said = []
        task = asyncio.create_task(field.prober.follow(field.door, order=ORDER, take=said.append))
        await until(lambda: bool(said))
        await field.prober.close()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(field.count_probes) == 0

    asyncio.run(story())


@asynccontextmanager
async def following(field: ProbeRange, door: Door) -> AsyncIterator[Said]:
    said: Said = []
    task = asyncio.create_task(field.prober.follow(door, order=ORDER, take=said.append))
    try:
        yield said
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool], *, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for knows of no event
            await asyncio.sleep(0.02)
