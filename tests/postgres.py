"""A real PostgreSQL, started by hand in a temporary directory; a loud skip where there is none."""

import os
import pwd
import shutil
import socket
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class PostgresServer:
    directory: Path
    binaries: Path
    port: int

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self.directory}"
        log = self.directory / "log"
        self._run("pg_ctl", "-w", "-D", self._data, "-l", str(log), "-o", options, "start")

    def stop(self, *, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-w", "-D", self._data, "-m", mode, "stop")

    def restart_slowly(self, seconds: float) -> threading.Thread:
        """Stop it as a power cut does; back after a while, in the background."""
        self.stop()
        coming_back = threading.Timer(seconds, self.start)
        coming_back.start()
        return coming_back

    def initialise(self) -> None:
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "postgres", "--no-sync")

    def new_database(self) -> str:
        """The URL of an empty database of its own."""
        name = f"releve_{uuid.uuid4().hex[:12]}"
        where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres")
        self._run("createdb", *where, name)
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    @property
    def _data(self) -> str:
        return str(self.directory / "data")

    def _run(self, program: str, *arguments: str) -> None:
        """PostgreSQL refuses to run as root."""
        account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        subprocess.run(
            [str(self.binaries / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            cwd="/",
            timeout=60,
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    binaries = _find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt install postgresql)")
    directory = Path(f"/tmp/releve-postgres-{uuid.uuid4().hex[:8]}")  # noqa: S108 - a socket path must be short and open to the postgres user
    directory.mkdir(mode=0o755)
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres")
    server = PostgresServer(directory, binaries, _free_port())
    try:
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory)


def _find_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).parent if on_path else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
