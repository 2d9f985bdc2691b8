"""The connection to the controller: one JSON line per round out, a newline for each one back."""

import json
import os
import time

_LONGEST = 200000  # bytes of a line; the controller takes no more than 256 KiB
_LEAST_NEEDED = ("certificates", "units", "lines")  # left out of a line that is too long


class Gone(Exception):
    """Nobody listens any more."""


class Speech:
    def __init__(self, settings):
        self._patience = settings["patience"]
        self._heard = time.monotonic()
        self._parent = os.getppid()
        self._rest = b""
        for descriptor in (0, 1):
            os.set_blocking(descriptor, False)

    def say(self, value):
        """Never waits: while the listener still takes an earlier line, this one is left out."""
        self._push()
        if self._rest:
            return
        line = _encode(value)
        for name in _LEAST_NEEDED:
            if len(line) > _LONGEST:
                line = _encode(dict(value, **{name: []}))
        self._rest = line
        self._push()

    def listen(self):
        """Gone where the connection is, or where no newline came for too long."""
        now = time.monotonic()
        try:
            while True:
                if not os.read(0, 4096):
                    raise Gone
                self._heard = now
        except BlockingIOError:
            pass
        except OSError:
            raise Gone from None
        if now - self._heard > self._patience or os.getppid() != self._parent:
            raise Gone
        self._push()

    def _push(self):
        try:
            while self._rest:
                self._rest = self._rest[os.write(1, self._rest) :]
        except BlockingIOError:
            return
        except OSError:
            raise Gone from None


def _encode(value):
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"
