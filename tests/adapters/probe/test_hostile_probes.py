"""What a host that is not ours any more may send: it is cut off, and costs next to nothing."""

import asyncio
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from releve.adapters.ssh.prober import SshProber
from releve.model.reading import InsideReading, Lost, Silence
from releve.ports.prober import ProbeOrder
from tests.adapters.probe.hostile_server import (
    MOUNT,
    Play,
    Process,
    forever,
    header_line,
    line_of,
    round_line,
    serving,
)

ORDER = ProbeOrder(interval_seconds=5.0, silent_seconds=1.0)
MOST_MEMORY = 8 << 20  # bytes at the peak, with asyncssh's own on both sides


def says(*lines: bytes, wait: bool = True) -> Play:
    async def play(process: Process, nonce: str) -> None:
        process.stdout.write(header_line(nonce))
        for line in lines:
            process.stdout.write(line)
        if wait:
            await forever()

    return play


async def endless_line(process: Process, nonce: str) -> None:
    process.stdout.write(header_line(nonce) + b'{"n":')
    await flood(process, b"1" * 32768)


async def endless_noise(process: Process, _: str) -> None:
    await flood(process, b"Last login: never\r\n" * 1000)


async def endless_readings(process: Process, nonce: str) -> None:
    process.stdout.write(header_line(nonce))
    sequence = 0
    with suppress(BrokenPipeError, ConnectionError):
        while True:
            sequence += 1
            process.stdout.write(round_line(sequence))
            await process.stdout.drain()


async def endless_complaints(process: Process, nonce: str) -> None:
    process.stdout.write(header_line(nonce))
    with suppress(BrokenPipeError, ConnectionError):
        while True:
            process.stderr.write(b"x" * 32768)
            await process.stderr.drain()


async def another_nonce(process: Process, _: str) -> None:
    process.stdout.write(header_line("0" * 32) + round_line(1))


async def flood(process: Process, piece: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionError):
        while True:
            process.stdout.write(piece)
            await process.stdout.drain()


def changed(place: int, value: Any) -> bytes:
    return round_line(1, mounts=[[*MOUNT[:place], value, *MOUNT[place + 1 :]]])


CUT_OFF = {
    "an endless line": endless_line,
    "endless noise before it": endless_noise,
    "readings without a pause": endless_readings,
    "endless complaints": endless_complaints,
    "no JSON": says(b"hello\n"),
    "deep nesting": says(b"[" * 100_000 + b"\n"),
    "no object": says(b"[]\n"),
    "a key twice": says(b'{"n":1,"n":2}\n'),
    "not a number": says(round_line(1).replace(b"1795658664.5", b"NaN")),
    "infinite": says(round_line(1).replace(b"1795658664.5", b"1e999")),
    "the year 10000000": says(round_line(1, time=3e14)),
    "before the epoch": says(round_line(1, time=-1.0)),
    "an endless number": says(b'{"n":' + b"9" * 5000 + b"}\n"),
    "a number too large": says(round_line(1 << 70)),
    "a truth for a number": says(round_line(1, n=True)),
    "the same reading twice": says(round_line(1), round_line(1)),
    "backwards": says(round_line(2), round_line(1)),
    "more mounts than it may": says(round_line(1, mounts=[MOUNT] * 25)),
    "more units than it may": says(round_line(1, units=["u"] * 51)),
    "an unknown outcome": says(changed(7, "splendid")),
    "a text for a truth": says(changed(4, "false")),
    "a list for a text": says(changed(0, ["/"])),
    "a negative size": says(changed(12, -1)),
    "a short row": says(round_line(1, mounts=[MOUNT[:-1]])),
    "a certificate of no day": says(round_line(1, certificates=[["/a.pem", "soon"]])),
    "a certificate of a strange day": says(round_line(1, certificates=[["/a", "9" * 50]])),
    "an extra key": says(round_line(1, extra=1)),
    "bytes that are no ASCII": says(b'{"n":"\xff\xfe"}\n'),
    "an odd header": says(line_of({"releve-probe": 1})),
}


@pytest.mark.parametrize("name", CUT_OFF)
def test_it_is_cut_off_with_a_reason_and_little_memory(tmp_path: Path, name: str) -> None:
    tracemalloc.start()
    try:
        said = asyncio.run(first_loss(tmp_path, CUT_OFF[name]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    lost = said[-1]
    assert isinstance(lost, Lost)
    assert lost.kind is Silence.ENDED
    assert lost.reason.startswith("the probe was cut off: it ")
    assert len(lost.reason) < 600
    assert lost.reason.isprintable()
    assert peak < MOST_MEMORY
    assert len(said) <= 31


@pytest.mark.parametrize(
    ("play", "kind", "words"),
    [
        (says(), Silence.UNREACHABLE, "nothing has come"),
        (says(round_line(1)), Silence.UNREACHABLE, "nothing has come"),
        (says(wait=False), Silence.ENDED, "has ended by itself"),
        (another_nonce, Silence.REFUSED, "did not start"),
    ],
)
def test_a_probe_that_says_nothing_is_lost(
    tmp_path: Path, play: Play, kind: Silence, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releve.adapters.ssh.prober._START_SECONDS", 1.0)
    lost = asyncio.run(first_loss(tmp_path, play))[-1]
    assert isinstance(lost, Lost)
    assert (lost.kind, words in lost.reason) == (kind, True)


def test_hostile_text_is_shown_harmless(tmp_path: Path) -> None:
    evil = "\x1b[2J\u202eevil\udcff" + "x" * 5000
    line = round_line(1, units=[evil], lines=[[1.0, "vda1", evil]])
    said = asyncio.run(first_loss(tmp_path, says(line, wait=False)))
    reading = said[0]
    assert isinstance(reading, InsideReading)
    for text in (reading.failed_units[0], reading.kernel_lines[0].text):
        assert text.isprintable()
        assert len(text) <= 1025
        text.encode()
    assert len(reading.kernel_lines[0].text) <= 401


def test_a_login_shell_may_speak_before_the_probe(tmp_path: Path) -> None:
    async def play(process: Process, nonce: str) -> None:
        process.stdout.write(b"Welcome!\r\nthe disk is full, " + header_line("1" * 32))
        process.stdout.write(header_line(nonce)[:40])
        await process.stdout.drain()
        await asyncio.sleep(0.05)
        process.stdout.write(header_line(nonce)[40:] + round_line(1)[:30])
        await process.stdout.drain()
        await asyncio.sleep(0.05)
        process.stdout.write(round_line(1)[30:] + round_line(2))

    said = asyncio.run(first_loss(tmp_path, play))
    assert [one.sequence for one in said if isinstance(one, InsideReading)] == [1, 2]


async def first_loss(directory: Path, play: Play) -> list[InsideReading | Lost]:
    said: list[InsideReading | Lost] = []
    lost = asyncio.Event()

    def take(one: InsideReading | Lost) -> None:
        said.append(one)
        if isinstance(one, Lost):
            lost.set()

    prober = SshProber()
    async with serving(directory, play) as door:
        task = asyncio.create_task(prober.follow(door, order=replace(ORDER), take=take))
        try:
            async with asyncio.timeout(20):
                await lost.wait()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await prober.close()
    return said[: next(i for i, one in enumerate(said) if isinstance(one, Lost)) + 1]
