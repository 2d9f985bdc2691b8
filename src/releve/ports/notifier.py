"""Words to people, over whatever channels the plan names."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Notice:
    thread: str  # the incident's id: channels that know threads keep its notices together
    title: str  # the same for all notices of a thread
    body: str  # plain text
    tone: Tone
    is_first: bool  # of its thread


@dataclass(frozen=True)
class Delivery:
    channel: str  # its name in the plan; never its URL, which holds secrets
    failure: str = ""  # one sentence; empty: delivered


class Notifier(ABC):
    @abstractmethod
    def send(self, notice: Notice) -> tuple[Delivery, ...]:
        """Over every channel; waits for each at most its bound, and never raises for a channel."""
