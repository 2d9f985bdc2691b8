"""Whether a person asked to cancel, asked of the journal at most once a second."""

import threading

from releve.ports.clock import Clock
from releve.ports.journal import Journal

_EVERY_SECONDS = 1.0


class CancelWatch:
    def __init__(self, journal: Journal, *, run_id: str, clock: Clock) -> None:
        self._journal = journal
        self._run_id = run_id
        self._clock = clock
        self._guard = threading.Lock()
        self._asked = False
        self._next_look = clock.monotonic()

    def is_asked(self) -> bool:
        """True from then on; JournalError when the journal cannot be read."""
        with self._guard:
            now = self._clock.monotonic()
            if not self._asked and now >= self._next_look:
                self._next_look = now + _EVERY_SECONDS
                self._asked = self._journal.read_run(self._run_id).cancel_requested
            return self._asked
