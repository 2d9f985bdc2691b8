"""Readings as a probe would bring them, each with one thing changed; and time held by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from releve.model.checks import CheckResult
from releve.model.reading import (
    InsideReading,
    Intent,
    KernelLine,
    Lost,
    MountReading,
    OutsideReading,
    ProviderReading,
    Silence,
    WriteOutcome,
)
from releve.watch.judging import HostView, Judgement, judge
from releve.watch.memory import Moment, take_inside, take_lost, take_outside, take_provider
from releve.watch.rules import WatchRules

BEGAN = datetime(2026, 11, 26, 3, 15, tzinfo=UTC)
RULES = WatchRules(interval=10, dwell=3, unreachable_after=60, check_interval=30)
GIB = 1 << 30

Reading = InsideReading | Lost | OutsideReading | ProviderReading


def mount(path: str = "/", **changes: Any) -> MountReading:
    healthy = MountReading(
        path=path,
        device="vda1",
        filesystem="ext4",
        intent=Intent.WRITABLE,
        read_only_view=False,
        read_only_filesystem=False,
        emergency=False,
        write=WriteOutcome.WRITTEN,
        bytes_total=10 * GIB,
        bytes_free=5 * GIB,
        inodes_total=1000,
        inodes_free=500,
    )
    return replace(healthy, **changes)


def inside(*mounts: MountReading, at: float = 0.0, **changes: Any) -> InsideReading:
    reading = InsideReading(
        sequence=1,
        boot_id="boot",
        host_time=BEGAN + timedelta(seconds=at),
        mounts=mounts or (mount(),),
        kernel_log_readable=True,
    )
    return replace(reading, **changes)


def outside(results: str = "", *, port: bool = True) -> OutsideReading:
    """`results`: a + for each check that passes, a - for each that fails."""
    checks = tuple(
        CheckResult(
            name=f"http /{number}",
            kind="http",
            passed=result == "+",
            reason="status 200" if result == "+" else "refused",
            seconds=0.1,
            vantage="public address",
        )
        for number, result in enumerate(results)
    )
    return OutsideReading(checks, port_answers=port)


def line(text: str, device: str = "vda1") -> KernelLine:
    return KernelLine(100.0, device, text)


LOST = Lost(Silence.UNREACHABLE, "no answer from 192.0.2.10")
WELL = outside("++")
DOWN = outside("--", port=False)

EROFS: dict[str, Any] = {"write": WriteOutcome.READ_ONLY, "error_number": 30}
EIO: dict[str, Any] = {"write": WriteOutcome.IO_ERROR, "error_number": 5}
EXT4_ERROR: dict[str, Any] = EROFS | {
    "emergency": True,
    "errors": 1,
    "last_error": "ext4_journal_check_start:83",
}


@dataclass
class Watched:
    """One host under the pure judge; `tell` moves time forward first."""

    rules: WatchRules = RULES
    view: HostView = field(default_factory=HostView)
    at: float = 0.0
    jumped: float = 0.0  # of the controller's wall clock

    @property
    def moment(self) -> Moment:
        steady = BEGAN + timedelta(seconds=self.at)
        return Moment(self.at, steady + timedelta(seconds=self.jumped), steady)

    def tell(self, *readings: Reading, after: float = 0.0, fleet_skew: float = 0.0) -> Judgement:
        self.at += after
        memory = self.view.memory
        for reading in readings:
            match reading:
                case InsideReading():
                    on_time = replace(reading, host_time=self._host_time(reading))
                    memory = take_inside(memory, on_time, self.moment)
                case Lost():
                    memory = take_lost(memory, reading, self.moment)
                case OutsideReading():
                    memory = take_outside(memory, reading, self.moment)
                case ProviderReading():
                    memory = take_provider(memory, reading, self.moment)
        view = replace(self.view, memory=memory)
        self.view, judgement = judge(view, self.rules, moment=self.moment, fleet_skew=fleet_skew)
        return judgement

    def tell_each(self, readings: Sequence[Reading], *, after: float) -> Judgement:
        for reading in readings:
            judgement = self.tell(reading, after=after)
        return judgement

    def _host_time(self, reading: InsideReading) -> datetime:
        """A reading made for time 0 keeps its skew, whenever it is told."""
        return reading.host_time + timedelta(seconds=self.at)
