"""A MariaDB of its own in a directory, on a socket alone; how a scan and a playbook see it."""

import getpass
import hashlib
import hmac
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

from releve.model.observed import Fact, FactKind
from releve.ports.access import CommandResult, Door
from tests.scan.example_system import ExampleSystem
from tests.scan.local_access import LocalAccess

COLLECTOR: Final = import_module("releve.scan.collector.mariadb")
PROGRAMS: Final = ("mariadbd", "mariadb-install-db", "mariadb")
START_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Server:
    home: Path  # with a .my.cnf that names the socket

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.home)}

    def run(self, argv: Sequence[str], stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            argv, env=self.environment, input=stdin, capture_output=True, check=False
        )

    def ask(self, sql: str) -> str:
        done = self.run(["mariadb", "--batch", "--skip-column-names"], sql.encode())
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def scan(self, secret: bytes) -> dict[str, Fact]:
        """Accounts as the collector tells them, by key."""
        facts = COLLECTOR.collect(_System(server=self, secret=secret))
        roles = (fact for fact in facts if fact[0] == "database_role")
        return {key: Fact(FactKind.DATABASE_ROLE, key, told, {}) for _, key, told, _ in roles}


@dataclass
class ServerAccess(LocalAccess):
    server: Server | None = None

    def run_command(
        self, door: Door, *, command: tuple[str, ...], stdin: bytes = b"", timeout_seconds: float
    ) -> CommandResult:
        assert self.server is not None
        assert timeout_seconds > 0
        self.commands.append((door.user, *command))
        done = self.server.run(command, stdin)
        return CommandResult(done.returncode, done.stdout, done.stderr)


@dataclass
class _System(ExampleSystem):
    server: Server | None = None
    secret: bytes = b""

    def names(self, directory: str) -> list[str]:
        return ["mysqld.sock"] if directory == "/run/mysqld" else []

    def run(
        self, argv: Sequence[str], seconds: float = 10, stdin: bytes = b""
    ) -> tuple[int, bytes]:
        assert self.server is not None
        assert seconds > 0
        done = self.server.run(argv, stdin)
        return done.returncode, done.stdout

    def keyed_digest(self, content: bytes) -> str:
        return "hmac:" + hmac.new(self.secret, content, hashlib.sha256).hexdigest()


def require_mariadb() -> None:
    """Skip, loudly, where none can run; fail where CI promised that it can."""
    missing = [name for name in PROGRAMS if not _find(name)]
    if not missing:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must be able to run MariaDB: {', '.join(missing)} is missing")
    pytest.skip(f"NOT TRIED on the real thing: {', '.join(missing)} is missing")


@contextmanager
def run_server(directory: Path) -> Iterator[Server]:
    """Ended and gone afterwards; `directory` is empty and its path short, as a socket's must be."""
    data, socket = directory / "data", directory / "s"
    (directory / ".my.cnf").write_text(f"[client]\nsocket = {socket}\n")
    user = f"--user={getpass.getuser()}"
    install = ["--no-defaults", user, f"--datadir={data}", "--skip-test-db"]
    install += ["--auth-root-authentication-method=socket"]
    install += [f"--auth-root-socket-user={getpass.getuser()}"]
    subprocess.run([_find("mariadb-install-db"), *install], check=True, capture_output=True)
    options = ["--no-defaults", user, f"--datadir={data}", f"--socket={socket}"]
    options += ["--skip-networking", "--innodb-flush-method=nosync"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([_find("mariadbd"), *options], stdout=log, stderr=log)
    try:
        server = Server(directory)
        _await(server, process)
        yield server
    finally:
        process.kill()
        process.wait()


def _await(server: Server, process: "subprocess.Popen[bytes]") -> None:
    ends = time.monotonic() + START_SECONDS
    while server.run(["mariadb", "--execute", "SELECT 1"]).returncode != 0:
        assert process.poll() is None, (server.home / "log").read_text()[-2000:]
        assert time.monotonic() < ends, "MariaDB does not answer"
        time.sleep(0.1)


def _find(name: str) -> str:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or ""
