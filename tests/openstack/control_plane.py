"""A control plane in a directory: real services on loopback, driven by tests/openstack/up.sh."""

import fcntl
import hashlib
import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from releve.workflow.state_file import find_state_directory

SCRIPT: Final = Path(__file__).parent / "up.sh"
SPAWN_HOOK: Final = Path(__file__).parent / "spawn_hook.py"
PROGRAMS: Final = ("mariadbd", "mariadb-install-db", "rabbitmq-server", "qemu-img", "curl", "flock")
PYTHONS: Final = ("python3.11", "python3.12")  # those that this release of OpenStack runs on
START_SECONDS: Final = 1200  # the first one of a machine makes a virtual environment
STEP_SECONDS: Final = 120
# below the ports that the kernel gives to clients
_PORT_BASES: Final = range(21000, 32000, 10)
PORTS_EACH: Final = 9


@dataclass(frozen=True)
class ControlPlane:
    directory: Path
    port: int
    stays: bool = False  # it was up before, and is up after the session

    @property
    def clouds_file(self) -> Path:
        return self.directory / "clouds.yaml"

    @property
    def auth_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v3"

    def start(self) -> None:
        """The first one of a machine makes a virtual environment, too."""
        self._script("start", seconds=START_SECONDS)
        self.hook_guests()

    def hook_guests(self) -> None:
        """Guests show their host keys on the console, as with cloud-init."""
        hook = self.directory / "hooks" / "spawn"
        shutil.copy(SPAWN_HOOK, hook)
        hook.chmod(0o755)

    def stop(self) -> None:
        self._script("stop")

    def kill_service(self, service: str) -> None:
        """SIGKILL to all of its processes."""
        self._script("kill", service)

    def run_service(self, service: str) -> None:
        self._script("run", service)

    @contextmanager
    def break_down(self, operation: str, how: str) -> Iterator[None]:
        """`how`: "error", "sleep SECONDS", or both; operations are named in up.sh."""
        fault = self.directory / "faults" / operation
        fault.write_text(how)
        try:
            yield
        finally:
            fault.unlink()

    def volume_file(self, volume_id: str) -> Path:
        return self.directory / "volumes" / f"volume-{volume_id}"

    def guest_directory(self, instance_id: str) -> Path:
        return self.directory / "guests" / instance_id

    def list_processes(self) -> list[int]:
        """Every process on this machine that belongs to it: its environment says so."""
        mark = f"OSLAB_DIR={self.directory}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    def _script(self, command: str, service: str = "", *, seconds: int = STEP_SECONDS) -> None:
        argv = ["bash", str(SCRIPT), command, str(self.directory), *filter(None, [service])]
        environment = {
            **os.environ,
            "OSLAB_PORT": str(self.port),
            "OSLAB_VENV": str(find_venv()),
            "OSLAB_PYTHON": find_python(),
        }
        done = subprocess.run(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"up.sh {command}: {done.stdout}{done.stderr}"


def find_python() -> str:
    """Empty: this machine has none that will do."""
    return next((path for name in PYTHONS if (path := shutil.which(name))), "")


def find_venv() -> Path:
    """Kept from one session to the next; another one for other pins."""
    pins = SCRIPT.read_text().partition("\nlock() {")[2]
    key = hashlib.sha256(pins.encode()).hexdigest()[:12]
    return find_state_directory() / "cache" / f"openstack-{key}"


def explain_no_control_plane() -> str:
    if os.geteuid() != 0:
        return "a control plane needs root"
    missing = [name for name in PROGRAMS if not find_program(name)]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return "" if find_python() else f"none of {', '.join(PYTHONS)} is here"


def find_program(name: str) -> str:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or ""


@contextmanager
def reserve_ports() -> Iterator[int]:
    """The first of a row of free ports that no other session takes meanwhile."""
    bases = list(_PORT_BASES)
    random.shuffle(bases)
    for base in bases:
        lock = Path(tempfile.gettempdir(), f"releve-openstack-{base}.lock").open("w")  # noqa: SIM115 - held while they are in use
        with lock:
            if _take(lock) and all(is_free(base + offset) for offset in range(PORTS_EACH)):
                yield base
                Path(lock.name).unlink()
                return
    raise AssertionError("no row of free ports on this machine")


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
