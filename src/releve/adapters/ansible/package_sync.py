"""dpkg without fsync while a new instance is converged; one sync at the end makes up for all.

dpkg waits for the disk after every file that it unpacks. An instance that does not serve yet has
nothing to lose by a power failure: the run would be repeated on it, or on another one.
"""

import subprocess
from collections.abc import Mapping

from releve.adapters.ansible.redirect import Redirect

VARIABLE = "RELEVE_PACKAGE_SYNC"  # keep: leave dpkg as it is
_DIRECTORY = "/etc/dpkg/dpkg.cfg.d"
_FILE = "releve-converge"
_SECONDS = 20.0
_TRIES = 2
_ABSENT = 3  # exit code: no dpkg on this host


def suspend_sync(redirect: Redirect, host: str, environment: Mapping[str, str]) -> bool:
    """False where nothing was changed: no dpkg, no right to, no answer."""
    if environment.get(VARIABLE) == "keep":
        return False
    return _run(redirect, host, render_suspend(_DIRECTORY)) == 0


def resume_sync(redirect: Redirect, host: str) -> str:
    """Why dpkg could not be put back as it was, or empty."""
    for _ in range(_TRIES):
        if _run(redirect, host, render_resume(_DIRECTORY)) == 0:
            return ""
    return f"{_DIRECTORY}/{_FILE} could not be taken away from {host} again"


def render_suspend(directory: str) -> str:
    return f"test -d {directory} || exit {_ABSENT}; echo force-unsafe-io > {directory}/{_FILE}"


def render_resume(directory: str) -> str:
    """The file goes first, so that whatever is installed from then on is synced again."""
    return f"rm -f {directory}/{_FILE} && sync"


def _run(redirect: Redirect, host: str, script: str) -> int:
    as_root = f"if [ $(id -u) = 0 ]; then sh -c '{script}'; else sudo -n sh -c '{script}'; fi"
    ssh = redirect.programs["ansible_ssh_executable"]
    try:
        finished = subprocess.run(  # noqa: S603 (our own program, an argv list)
            [ssh, "-T", "-o", "ControlMaster=no", "-o", "ConnectTimeout=10", host, as_root],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError):
        return -1
    return finished.returncode
