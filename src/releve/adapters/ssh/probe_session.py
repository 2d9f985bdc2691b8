"""One probe on one host: the program in, its readings out, everything bounded."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import asyncssh

from releve.adapters.probe.lines import Garbled, Lines
from releve.adapters.probe.readings import Header, read_header, read_round
from releve.model.reading import InsideReading
from releve.model.server_text import show_server_text

_STDERR_BYTES: Final = 4 << 10
_STDERR_DISCARDED: Final = 1 << 20  # past the bound; then it is cut off
_MOST_WAITING: Final = 50  # readings that nobody has taken yet
_MOST_AT_ONCE: Final = 30.0  # readings; an honest probe sends one a second where it has a reason
_A_SECOND: Final = 2.0


class ProbeSession(asyncssh.SSHClientSession[bytes]):
    """`wait` gives readings in their order, then None once there will be no more."""

    def __init__(self, program: bytes, *, nonce: str, clock: Callable[[], float]) -> None:
        self.header: Header | None = None
        self.complaint = ""  # what it did that a probe does not
        self.errors = bytearray()
        self.lost: Exception | None = None
        self._program = program
        self._lines = Lines(nonce)
        self._clock = clock
        self._credit, self._credited = _MOST_AT_ONCE, clock()
        self._readings: deque[InsideReading] = deque()
        self._sequence = 0
        self._discarded = 0
        self._ended = False
        self._news = asyncio.Event()
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None

    @property
    def words(self) -> str:
        """What was said instead of a header."""
        said = show_server_text(bytes(self.errors[-400:]), limit=400).strip()
        return said or self._lines.noise

    async def wait(self, seconds: float) -> InsideReading | None:
        """TimeoutError where nothing comes for so long."""
        async with asyncio.timeout(seconds):
            while not self._readings and not self._ended:
                self._news.clear()
                await self._news.wait()
        return self._readings.popleft() if self._readings else None

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def session_started(self) -> None:
        if self._channel is not None:
            self._channel.write(self._program)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if self._ended:
            return
        try:
            if datatype == asyncssh.EXTENDED_DATA_STDERR:
                self._keep_error(data)
            else:
                for line in self._lines.take(data):
                    self._take_line(line)
        except Garbled as garbled:
            self.complaint = str(garbled)
            self._end()

    def eof_received(self) -> bool:
        self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = exc
        self._end()

    def _take_line(self, line: bytes) -> None:
        if self.header is None:
            self.header = read_header(line)
            return
        reading = read_round(line, self.header)
        if reading.sequence <= self._sequence:
            raise Garbled("it sends a reading twice")
        self._sequence = reading.sequence
        self._pay_for_one()
        self._readings.append(reading)
        self._news.set()
        if self._channel is not None:
            self._channel.write(b"\n")  # or the probe takes us for gone

    def _pay_for_one(self) -> None:
        now = self._clock()
        earned = (now - self._credited) * _A_SECOND
        self._credit, self._credited = min(_MOST_AT_ONCE, self._credit + earned) - 1, now
        if self._credit < 0 or len(self._readings) >= _MOST_WAITING:
            raise Garbled("it sends readings without a pause")

    def _keep_error(self, data: bytes) -> None:
        room = _STDERR_BYTES - len(self.errors)
        self.errors += data[:room]
        self._discarded += max(0, len(data) - room)
        if self._discarded > _STDERR_DISCARDED:
            raise Garbled("it complains without end")

    def _end(self) -> None:
        self._ended = True
        self._news.set()
