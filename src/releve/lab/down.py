"""Take a lab down."""

import time
from collections.abc import Callable
from typing import Final

from releve.lab.limits import INOTIFY, restore_limit
from releve.lab.locks import hold_lock
from releve.lab.network import NETWORK_LOCK
from releve.lab.readiness import require_root
from releve.lab.settings import LabSettings, check_settings, list_gates
from releve.lab.sweep import sweep_lab

_LOCK_SECONDS: Final = 1.0
_NETWORK_LOCK_SECONDS: Final = 60.0


def take_down(settings: LabSettings, *, say: Callable[[str], None]) -> None:
    """Leaves nothing of the lab but the base image in the cache; a second time it does nothing."""
    check_settings(settings)
    require_root()
    paths, started = settings.paths, time.monotonic()
    with hold_lock(
        paths.identity, wait_seconds=_LOCK_SECONDS, holder=f"at work on {settings.name}"
    ):
        if not paths.directory.exists() and not paths.gate.exists():
            say(f"Lab {settings.name} is down already")
            return
        sweep_lab(paths)
        _restore_limits(say)
        seconds = time.monotonic() - started
        say(f"Lab {settings.name} is down; nothing of it is left ({seconds:.1f} s)")


def _restore_limits(say: Callable[[str], None]) -> None:
    """With the last lab; one that is coming up holds this lock until its gate is open."""
    with hold_lock(NETWORK_LOCK, wait_seconds=_NETWORK_LOCK_SECONDS, holder="starting a lab"):
        done = "" if list_gates() else restore_limit(INOTIFY)
    if done:
        say(done)
