"""A small program kept running on every watched host, over connections that stay open."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from releve.model.reading import InsideReading, Lost
from releve.ports.access import Door

Take = Callable[[InsideReading | Lost], None]


@dataclass(frozen=True)
class ProbeOrder:
    interval_seconds: float  # between two full rounds; the probe looks sooner where it has a reason
    write_seconds: float = 15.0  # a write that has not ended by then hangs
    silent_seconds: float = 0.0  # without a reading: lost; 0: twice the interval and five more
    certificates: tuple[str, ...] = ()  # files on the host; empty: those of /etc/letsencrypt/live
    mounts: tuple[str, ...] = ()  # look at these alone; empty: at all local ones
    fstab: str | None = None  # text to go by in place of the host's own


class Prober(ABC):
    @abstractmethod
    async def follow(self, door: Door, *, order: ProbeOrder, take: Take) -> None:
        """Until cancelled: each reading as it comes, and a Lost at each attempt that fails.

        Connects anew by itself, later and later up to the interval, never all hosts at once.
        """

    @abstractmethod
    async def close(self) -> None:
        """End all connections; nothing of the probe stays on any host."""
