"""How many suspicions are taken: a loud monitor must not keep the watch from watching."""

from collections import deque
from collections.abc import Callable
from typing import Final

WINDOW_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 10.0  # a host that was just reported is being looked at already


class Allowance:
    def __init__(self, most: int, *, monotonic: Callable[[], float]) -> None:
        """`most`: in any 60 s, over all hosts."""
        self._most = most
        self._monotonic = monotonic
        self._taken: deque[float] = deque()
        self._last: dict[str, float] = {}  # host, which is one of the plan, to when

    def is_looked_at(self, host: str) -> bool:
        """Whether a suspicion of it was handed on within ten seconds."""
        return self._monotonic() - self._last.get(host, float("-inf")) < AGAIN_SECONDS

    def take(self) -> bool:
        """False where too many have been taken of late."""
        now = self._monotonic()
        while self._taken and now - self._taken[0] >= WINDOW_SECONDS:
            self._taken.popleft()
        if len(self._taken) >= self._most:
            return False
        self._taken.append(now)
        return True

    def note(self, host: str) -> None:
        """It is looked at now."""
        self._last[host] = self._monotonic()
