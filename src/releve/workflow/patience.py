"""How long a step waits, and how often it tries again."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from releve.errors import RateLimited, ReleveError
from releve.model.resources import Capabilities


@dataclass(frozen=True)
class Patience:
    settle_seconds: float = 0.0  # how long the provider's lists may lag behind its acts
    tries: int = 5  # in a row, for what may pass by itself
    first_pause_seconds: float = 0.5  # doubles with each try
    longest_pause_seconds: float = 30.0
    longest_retry_after_seconds: float = 120.0
    least_poll_seconds: float = 0.0  # between two looks, whatever the step would like
    draw: Callable[[], float] = random.random  # 0 to 1, spreads the pauses

    @classmethod
    def for_provider(cls, capabilities: Capabilities) -> Self:
        return cls(
            settle_seconds=capabilities.settle_seconds,
            least_poll_seconds=capabilities.poll_seconds,
        )

    @property
    def settle_pauses(self) -> tuple[float, ...]:
        """The pauses between looks after which an act in doubt counts as not having happened."""
        return (self.settle_seconds, 3 * self.settle_seconds) if self.settle_seconds > 0 else ()

    @property
    def visible_within_seconds(self) -> float:
        """How long an accepted act may stay unseen before it counts as lost."""
        return sum(self.settle_pauses)

    def pause_after(self, error: ReleveError, *, tries: int) -> float:
        """Seconds until the next try: what the provider asks for up to the cap, else doubling."""
        if isinstance(error, RateLimited) and error.retry_after_seconds is not None:
            if self.is_absurd(error):
                return self.longest_retry_after_seconds
            return error.retry_after_seconds
        whole = min(self.first_pause_seconds * 2.0 ** (tries - 1), self.longest_pause_seconds)
        return whole * (0.5 + 0.5 * self.draw())

    def is_absurd(self, error: ReleveError) -> bool:
        """Whether the provider asks for a wait that nobody would sit out."""
        if not isinstance(error, RateLimited) or error.retry_after_seconds is None:
            return False
        return not 0 <= error.retry_after_seconds <= self.longest_retry_after_seconds
