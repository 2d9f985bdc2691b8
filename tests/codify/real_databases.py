"""A MariaDB and a PostgreSQL of their own; how a scan and a playbook see them."""

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
from typing import Any, Final

import pytest

from releve.model.observed import Fact, FactKind
from releve.ports.access import CommandResult, Door
from tests.postgres import PostgresServer
from tests.scan.example_system import ExampleSystem
from tests.scan.local_access import LocalAccess

PROGRAMS: Final = ("mariadbd", "mariadb-install-db", "mariadb")
START_SECONDS: Final = 30.0
SOCKETS: Final = {"/run/mysqld": ["mysqld.sock"], "/run/postgresql": [".s.PGSQL.5432"]}


@dataclass(frozen=True)
class Databases:
    home: Path  # with a .my.cnf that names MariaDB's socket
    postgres: PostgresServer

    @property
    def environment(self) -> dict[str, str]:
        here = {"PGHOST": str(self.postgres.directory), "PGPORT": str(self.postgres.port)}
        return {**os.environ, "HOME": str(self.home), **here}

    def run(self, argv: Sequence[str], stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        here = {"/run/postgresql": str(self.postgres.directory), "5432": str(self.postgres.port)}
        return subprocess.run(
            [here.get(word, word) for word in argv],
            env=self.environment,
            input=stdin,
            capture_output=True,
            check=False,
        )

    def ask_mariadb(self, sql: str) -> str:
        return self._ask(["mariadb", "--batch", "--skip-column-names"], sql)

    def ask_postgresql(self, sql: str) -> str:
        client = ["env", "-C", "/", "psql", "-AtXq", "-v", "ON_ERROR_STOP=1", "-d", "postgres"]
        return self._ask(["runuser", "-u", "postgres", "--", *client], sql)

    def scan(self, secret: bytes) -> dict[tuple[str, str], Fact]:
        """Databases and accounts as the collectors tell them, by kind and key."""
        system = _System(databases=self, secret=secret)
        facts = [
            Fact(FactKind(kind), key, attributes, {})
            for engine in ("mariadb", "postgresql")
            for kind, key, attributes, _ in _collector(engine).collect(system)
            if kind in {"database", "database_role"}
        ]
        return {(fact.kind.value, fact.key): fact for fact in facts}

    def _ask(self, client: Sequence[str], sql: str) -> str:
        done = self.run(client, sql.encode())
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


@dataclass
class DatabaseAccess(LocalAccess):
    databases: Databases | None = None

    def run_command(
        self, door: Door, *, command: tuple[str, ...], stdin: bytes = b"", timeout_seconds: float
    ) -> CommandResult:
        assert self.databases is not None
        assert timeout_seconds > 0
        self.commands.append((door.user, *command))
        done = self.databases.run(command, stdin)
        return CommandResult(done.returncode, done.stdout, done.stderr)


@dataclass
class _System(ExampleSystem):
    databases: Databases | None = None
    secret: bytes = b""

    def names(self, directory: str) -> list[str]:
        return SOCKETS.get(directory, [])

    def run(
        self, argv: Sequence[str], seconds: float = 10, stdin: bytes = b""
    ) -> tuple[int, bytes]:
        assert self.databases is not None
        assert seconds > 0
        done = self.databases.run(argv, stdin)
        return done.returncode, done.stdout

    def keyed_digest(self, content: bytes) -> str:
        return "hmac:" + hmac.new(self.secret, content, hashlib.sha256).hexdigest()


def _collector(engine: str) -> Any:
    return import_module(f"releve.scan.collector.{engine}")


def require_databases() -> None:
    """Skip, loudly, where none can run; fail where CI promised that it can."""
    missing = [name for name in PROGRAMS if not _find(name)]
    missing += ["the right to become postgres"] if os.geteuid() != 0 else []
    if not missing:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must be able to run databases: {', '.join(missing)} is missing")
    pytest.skip(f"NOT TRIED on the real thing: {', '.join(missing)} is missing")


@contextmanager
def run_mariadb(directory: Path) -> Iterator[None]:
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
        _await(directory, process)
        yield
    finally:
        process.kill()
        process.wait()


def _await(directory: Path, process: "subprocess.Popen[bytes]") -> None:
    ends = time.monotonic() + START_SECONDS
    ask = [_find("mariadb"), f"--defaults-file={directory}/.my.cnf", "--execute", "SELECT 1"]
    while subprocess.run(ask, capture_output=True, check=False).returncode != 0:
        assert process.poll() is None, (directory / "log").read_text()[-2000:]
        assert time.monotonic() < ends, "MariaDB does not answer"
        time.sleep(0.1)


def _find(name: str) -> str:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or ""
