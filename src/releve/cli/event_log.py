"""One JSON object per line for each event, with its time: what a service leaves in its log."""

import contextlib
import threading
from typing import Any, TextIO

from releve.cli.terminal import Terminal
from releve.ports.clock import Clock


class EventLog:
    """Called from any thread; a log that cannot be written stops nothing."""

    def __init__(self, clock: Clock, *, file: TextIO | None = None) -> None:
        self._clock = clock
        self._terminal = Terminal(file)
        self._guard = threading.Lock()

    def say(self, event: str, fields: dict[str, Any]) -> None:
        at = self._clock.now().isoformat(timespec="milliseconds")
        with self._guard, contextlib.suppress(OSError):  # its disk is full, or nobody reads it
            self._terminal.json({"event": event, "at": at, **fields})
