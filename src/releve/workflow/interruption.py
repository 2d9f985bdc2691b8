"""Ctrl-C and SIGTERM: leave at once, as kill -9 would, since a run survives just that."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from releve.workflow import children


@contextmanager
def leaving_at_once(say_goodbye: Callable[[], None]) -> Iterator[None]:
    """While inside, a signal kills the tracked children and ends the process by os._exit.

    Only the main thread can do this; elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        children.kill_all()
        say_goodbye()
        os._exit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
