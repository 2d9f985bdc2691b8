"""The probe as a direct child of the test: its readings with the moment when they came."""

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from releve.adapters.probe.lines import Lines
from releve.adapters.probe.program import build_program, command_for
from releve.adapters.probe.readings import Header, read_header, read_round
from releve.model.reading import InsideReading, MountReading
from releve.ports.access import Door
from releve.ports.prober import ProbeOrder

NONCE = "ab" * 16
ROOT_DOOR = Door("127.0.0.1", 22, "root", ())


class RunningProbe:
    def __init__(self, order: ProbeOrder, *, command: Sequence[str] = (sys.executable,)) -> None:
        argv = [*command, *command_for(ROOT_DOOR)[1:]]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.header: Header | None = None
        self.readings: list[InsideReading] = []
        self._news: queue.Queue[tuple[float, InsideReading]] = queue.Queue()
        self._write(build_program(order, nonce=NONCE))
        threading.Thread(target=self._listen, daemon=True).start()

    def await_reading(
        self, holds: Callable[[InsideReading], bool], *, seconds: float = 10.0
    ) -> tuple[InsideReading, float]:
        """The first new one for which it holds, and how long that took from now."""
        began = time.monotonic()
        while (left := began + seconds - time.monotonic()) > 0:
            try:
                at, reading = self._news.get(timeout=left)
            except queue.Empty:
                break
            if at >= began and holds(reading):
                return reading, at - began
        raise AssertionError(f"not within {seconds} s; the last one: {self.readings[-1:]}")

    def stop(self) -> int:
        """As a lost connection does."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(5)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        lines = Lines(NONCE)
        while piece := self.process.stdout.read1(65536):  # type: ignore[attr-defined] # a pipe
            for line in lines.take(piece):
                if self.header is None:
                    self.header = read_header(line)
                    continue
                reading = read_round(line, self.header)
                self.readings.append(reading)
                self._news.put((time.monotonic(), reading))
                self._write(b"\n")

    def _write(self, content: bytes) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(content)
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return  # it has ended, or is being ended


@contextmanager
def running_probe(
    order: ProbeOrder, *, command: Sequence[str] = (sys.executable,)
) -> Iterator[RunningProbe]:
    probe = RunningProbe(order, command=command)
    try:
        yield probe
    finally:
        probe.process.kill()
        probe.process.wait(10)


def order_for(*places: Path, fstab: str = "", interval: float = 10.0) -> ProbeOrder:
    """The default interval, so that what is measured is what a user gets."""
    return ProbeOrder(interval, mounts=tuple(map(str, places)), fstab=fstab)


def with_deadline(order: ProbeOrder, seconds: float) -> ProbeOrder:
    return replace(order, write_seconds=seconds)


def mount_of(reading: InsideReading, place: Path) -> MountReading:
    return next(mount for mount in reading.mounts if mount.path == str(place))
