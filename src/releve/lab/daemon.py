"""The lab's own daemon: started by hand, so that no system LXD or Incus is touched."""

import os
import subprocess
from pathlib import Path
from typing import Final

from releve.errors import LabError
from releve.lab.client import Client
from releve.lab.commands import Conduct, attempt, printable, run
from releve.lab.engine import Engine
from releve.lab.mounts import list_mounts_below
from releve.lab.settings import LabPaths

_READY_SECONDS: Final = 60


def open_gate(paths: LabPaths) -> None:
    """The lab's directory under a short path that unprivileged instances may pass."""
    if any(mount.point == str(paths.gate) for mount in list_mounts_below(paths.gate)):
        return
    paths.gate.mkdir(mode=0o711, exist_ok=True)
    # Private: what the daemon mounts below must not appear a second time in the directory.
    run(["mount", "--bind", "--make-private", str(paths.directory), str(paths.gate)])


def is_daemon_running(client: Client) -> bool:
    return client.paths.socket.exists() and _answers(client)


def ensure_daemon(client: Client) -> None:
    if is_daemon_running(client):
        return
    engine, paths = client.engine, client.paths
    paths.daemon.mkdir(mode=0o711, exist_ok=True)
    paths.client.mkdir(mode=0o700, exist_ok=True)
    with paths.log.open("ab") as log:
        subprocess.run(  # noqa: S603 - argument list, no shell
            ["setsid", "--fork", engine.daemon, "--group", engine.socket_group],  # noqa: S607 - util-linux, found on PATH
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_environment(engine, paths),
        )
    _await_ready(engine, paths)


def _answers(client: Client) -> bool:
    try:
        return client.get("/1.0") is not None
    except LabError:
        return False


def _await_ready(engine: Engine, paths: LabPaths) -> None:
    ended = attempt(
        [engine.daemon, "waitready", "--timeout", str(_READY_SECONDS)],
        Conduct(_READY_SECONDS + 10, environment=_environment(engine, paths)),
    )
    if ended.exit_code != 0:
        raise LabError(
            f"The lab's {engine.name} daemon does not start",
            why=_last_lines(paths.log) or printable(ended.complaint),
            remedy=f"read {paths.log}",
        )


def _environment(engine: Engine, paths: LabPaths) -> dict[str, str]:
    """Nothing of the caller's: his environment may hold secrets, and the daemon lives long."""
    return {
        "PATH": os.pathsep.join(("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin")),
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        engine.directory_variable: str(paths.daemon),
    }


def _last_lines(log: Path) -> str:
    return printable("\n".join(log.read_text(errors="replace").splitlines()[-5:]))
