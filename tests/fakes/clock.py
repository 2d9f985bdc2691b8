"""Time held by the test: sleeping costs nothing and moves it forward."""

import threading
import time
from datetime import UTC, datetime, timedelta

from releve.ports.clock import Clock

_START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class FakeClock(Clock):
    def __init__(self, *, elapsed: float = 0.0) -> None:
        """`elapsed` lets the process that resumes go on where the killed one was."""
        self._elapsed = elapsed
        self._jump = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return _START + timedelta(seconds=self._elapsed) + self._jump

    def monotonic(self) -> float:
        with self._lock:
            return self._elapsed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._elapsed += max(seconds, 0.001)
        time.sleep(0)  # the other threads of the run get their turn

    def jump_wall_clock(self, seconds: float) -> None:
        """What a bad NTP server does: records jump, deadlines must not."""
        with self._lock:
            self._jump += timedelta(seconds=seconds)


class RealClock(Clock):
    """For tests whose processes share nothing but the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
