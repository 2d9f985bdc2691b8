"""What a scan is asked for, and what it may cost."""

from dataclasses import dataclass
from typing import Final

from releve.ports.access import StreamLimits
from releve.scan.spool import Spool


@dataclass(frozen=True)
class ScanBounds:
    """Of one scan's answer; past them it is cut and says so, or refused."""

    seconds: float = 3600.0
    silent_seconds: float = 120.0
    stdout_bytes: int = 1 << 30
    unpacked_bytes: int = 1 << 30
    line_bytes: int = 16 << 20
    noise_bytes: int = 64 << 10  # what a login shell may print before the scan begins
    records: int = 5_000_000  # paths, and also lines
    facts: int = 200_000  # other than files: they are held in memory and sorted
    key_bytes: int = 8 << 10
    value_bytes: int = 64 << 10

    @property
    def stream_limits(self) -> StreamLimits:
        return StreamLimits(self.seconds, self.silent_seconds, self.stdout_bytes)


BOUNDS: Final = ScanBounds()


@dataclass(frozen=True)
class ScanRequest:
    secret: bytes  # key of the hmac: digests
    full: bool = False  # hash packaged files and known noise too
    afresh: bool = False  # read every directory, also where nothing changed since the last scan
    root: str = ""  # a mounted dead root on the machine behind the door; empty: the machine itself
    skip: tuple[str, ...] = ()  # paths not to be entered, each an EXCLUSION
    earlier: Spool | None = None  # of the last scan: directories that did not change since
    bounds: ScanBounds = BOUNDS
