"""Take a lab down."""

import time
from collections.abc import Callable
from typing import Final

from releve.lab.locks import hold_lock
from releve.lab.readiness import require_root
from releve.lab.settings import LabSettings, check_settings
from releve.lab.sweep import sweep_lab

_LOCK_SECONDS: Final = 1.0


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
        seconds = time.monotonic() - started
        say(f"Lab {settings.name} is down; nothing of it is left ({seconds:.1f} s)")
