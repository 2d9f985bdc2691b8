"""States that a volume should pass through, and may hang in: read as states until they last."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from releve.errors import Refused
from releve.model.resources import Volume

STUCK_SECONDS: Final = 240.0  # a step waits 300
# A project cannot end these by itself, and Relève never does it behind Nova's back.
_TRANSITIONS: Final[Mapping[str, str]] = {
    "reserved": "Nova asked for it and has not attached it",
    "attaching": "an attach began and has not ended",
    "detaching": "a detach began and has not ended",
}
_REMEDY: Final = (
    "Ask the cloud's support to end that state; or, where nothing of the instance is needed any"
    " more, delete the instance, which frees the volume. Then resume"
)


class StuckStates:
    """Remembers since when each volume was seen in such a state; by our own clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since: dict[str, tuple[str, float]] = {}

    def require_moving(self, volume: Volume) -> None:
        """Refused, with what a person can do, where it has lasted too long."""
        seconds = self._note(volume)
        if seconds < STUCK_SECONDS:
            return
        on = ", ".join(held.instance_id for held in volume.attachments) or "no instance"
        raise Refused(
            f"volume {volume.id} hangs in the state {volume.state}",
            why=f"it is on {on}, and after {seconds:.0f} s {_TRANSITIONS[volume.state]}",
            remedy=_REMEDY,
        )

    def _note(self, volume: Volume) -> float:
        """Seconds since it was first seen so."""
        now = self._clock()
        with self._lock:
            if volume.state not in _TRANSITIONS:
                self._since.pop(volume.id, None)
                return 0.0
            state, since = self._since.get(volume.id, ("", now))
            if state != volume.state:
                self._since[volume.id] = (volume.state, now)
                since = now
            return now - since
