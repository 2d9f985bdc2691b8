"""Waiting within an act for what its next request needs."""

import time
from collections.abc import Callable
from typing import Final

from releve.errors import Busy
from releve.providers.openstack.errors import make_error

_POLL_SECONDS: Final = 0.5


def wait_until(holds: Callable[[], bool], *, what: str, seconds: float) -> None:
    """Busy when the time is over: what was asked for until then may still come."""
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up:
            raise make_error(Busy, what, why=f"the cloud is not done with it after {seconds:g} s")
        time.sleep(_POLL_SECONDS)
