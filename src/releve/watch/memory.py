"""What is kept of a host from one reading to the next; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from releve.model.reading import (
    InsideReading,
    KernelLine,
    Lost,
    MountReading,
    OutsideReading,
    ProviderReading,
    WriteOutcome,
)
from releve.watch.filling import Space, remember_space

KERNEL_SECONDS: Final = 600.0  # how long a line of the kernel's log is held against a device
MOST_KERNEL_LINES: Final = 40
SKEWS: Final = 5


@dataclass(frozen=True)
class Moment:
    """Now, by each clock of this controller."""

    monotonic: float
    wall: datetime  # UTC
    steady: datetime  # the wall clock as it was at the start, carried on by the monotonic one

    @classmethod
    def zero(cls) -> "Moment":
        return cls(0.0, datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))


@dataclass(frozen=True)
class MountMemory:
    was_written: bool = False  # since the host's start
    is_calm: bool = False  # the last reading wrote it
    errors: int = 0  # as the last reading counted
    calm_errors: int | None = None  # counted while it was written, one reading before the last


@dataclass(frozen=True)
class Heard:
    """A line of the kernel's log, and when it came."""

    at: float  # monotonic
    line: KernelLine


@dataclass(frozen=True)
class HostMemory:
    """Since this process follows this instance; nothing of it outlives the process."""

    inside: InsideReading | None = None
    inside_at: float = 0.0
    inside_rounds: int = 0
    lost: Lost | None = None  # None: the line holds
    lost_since: float = 0.0
    lost_wall: datetime | None = None
    outside: OutsideReading | None = None
    outside_at: float = 0.0
    outside_rounds: int = 0
    silent_rounds: int = 0  # rounds from outside, one after the other, without any answer
    failing: Mapping[str, int] = field(default_factory=dict)  # check to its failures in a row
    provider: ProviderReading | None = None
    provider_at: float = 0.0
    mounts: Mapping[str, MountMemory] = field(default_factory=dict)
    kernel: tuple[Heard, ...] = ()
    space: Mapping[str, Space] = field(default_factory=dict)
    skews: tuple[float, ...] = ()  # seconds the host's clock is ahead, newest last

    @property
    def rounds(self) -> int:
        return self.inside_rounds + self.outside_rounds

    @property
    def is_heard(self) -> bool:
        """Whether a fresh probe has told anything: from inside, or that nobody answers."""
        return self.inside is not None or (self.lost is not None and self.outside is not None)


def take_inside(memory: HostMemory, reading: InsideReading, moment: Moment) -> HostMemory:
    known = memory.inside is not None and memory.inside.boot_id == reading.boot_id
    mounts = _remember_mounts(memory.mounts if known else _keep_errors(memory.mounts), reading)
    kernel = memory.kernel if known else ()
    if reading.kernel_lines or kernel:
        kernel = _remember_lines(kernel, reading.kernel_lines, moment.monotonic)
    return replace(
        memory,
        inside=reading,
        inside_at=moment.monotonic,
        inside_rounds=memory.inside_rounds + 1,
        lost=None,
        mounts=mounts,
        kernel=kernel,
        space=remember_space(memory.space, reading.mounts, at=moment.monotonic),
        skews=(*memory.skews, measure_skew(reading.host_time, moment))[-SKEWS:],
    )


def take_lost(memory: HostMemory, lost: Lost, moment: Moment) -> HostMemory:
    if memory.lost is not None:
        return replace(memory, lost=lost)
    return replace(memory, lost=lost, lost_since=moment.monotonic, lost_wall=moment.wall)


def take_outside(memory: HostMemory, reading: OutsideReading, moment: Moment) -> HostMemory:
    failing = {
        check.name: memory.failing.get(check.name, 0) + 1
        for check in reading.checks
        if not check.passed
    }
    return replace(
        memory,
        outside=reading,
        outside_at=moment.monotonic,
        outside_rounds=memory.outside_rounds + 1,
        silent_rounds=0 if anything_answers(reading) else memory.silent_rounds + 1,
        failing=failing,
    )


def take_provider(memory: HostMemory, reading: ProviderReading, moment: Moment) -> HostMemory:
    return replace(memory, provider=reading, provider_at=moment.monotonic)


def anything_answers(reading: OutsideReading) -> bool:
    """A check that passes, or the port where there are no checks."""
    if reading.checks:
        return any(check.passed for check in reading.checks)
    return reading.port_answers


def measure_skew(host_time: datetime, moment: Moment) -> float:
    """Seconds the host is ahead, by whichever clock of the controller puts it less wrong."""
    by_wall = (host_time - moment.wall).total_seconds()
    by_steady = (host_time - moment.steady).total_seconds()
    return min(by_wall, by_steady, key=abs)


def _keep_errors(mounts: Mapping[str, MountMemory]) -> dict[str, MountMemory]:
    """Over a restart of the host: the file system still counts, all else is to be seen anew."""
    return {path: replace(kept, was_written=False) for path, kept in mounts.items()}


def _remember_mounts(
    mounts: Mapping[str, MountMemory], reading: InsideReading
) -> Mapping[str, MountMemory]:
    fresh = {mount.path: _remember_mount(mounts.get(mount.path), mount) for mount in reading.mounts}
    return mounts if fresh == mounts else fresh


def _remember_mount(past: MountMemory | None, mount: MountReading) -> MountMemory:
    past = past or MountMemory()
    is_calm = mount.write is WriteOutcome.WRITTEN
    # an error may come between a round's write and its count: only the round before is calm
    calm_errors = past.errors if is_calm and past.is_calm else past.calm_errors
    return MountMemory(past.was_written or is_calm, is_calm, mount.errors, calm_errors)


def _remember_lines(
    kernel: tuple[Heard, ...], lines: tuple[KernelLine, ...], at: float
) -> tuple[Heard, ...]:
    kept = [heard for heard in kernel if at - heard.at < KERNEL_SECONDS]
    return (*kept, *(Heard(at, line) for line in lines))[-MOST_KERNEL_LINES:]
