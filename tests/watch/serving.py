"""`releve serve` as a process of its own, and what it says."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

PROGRAM = "import sys; from releve.cli.main import main; sys.exit(main())"

Found = TypeVar("Found")


@dataclass
class Controller:
    """A team's directory and the state beside it; at most one `releve serve` at a time."""

    directory: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    server: subprocess.Popen[bytes] | None = None

    @property
    def repository(self) -> Path:
        return self.directory / "repository"

    @property
    def plan(self) -> Path:
        return self.repository / "releve.yml"

    @property
    def log(self) -> Path:
        return self.directory / "serve.log"

    def environment(self) -> dict[str, str]:
        return {**os.environ, "RELEVE_STATE": str(self.directory / "state"), **self.variables}

    def serve(self) -> None:
        with self.log.open("ab") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, "serve"],
                cwd=self.repository,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @contextmanager
    def serving(self) -> Iterator[None]:
        self.serve()
        try:
            yield
        finally:
            self.end(signal.SIGKILL)

    def end(self, number: int) -> int:
        """Its exit code."""
        assert self.server is not None
        self.server.send_signal(number)
        return self.server.wait(60)

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *command],
            cwd=self.repository,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def ask(self, *command: str) -> Any:
        """The last JSON object that a command prints."""
        done = self.run(*command, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def events(self, event: str = "", **fields: str) -> list[dict[str, Any]]:
        text = self.log.read_text() if self.log.exists() else ""
        told = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [
            one
            for one in told
            if event in {"", one["event"]}
            and all(value in str(one.get(name)) for name, value in fields.items())
        ]

    def wait_for(
        self, event: str, *, seconds: float = 60.0, number: int = 1, **fields: str
    ) -> dict[str, Any]:
        """The event, once it was told so many times; it must not end before."""
        assert self.server is not None
        server = self.server

        def find() -> dict[str, Any] | None:
            found = self.events(event, **fields)
            if len(found) < number:
                assert server.poll() is None, f"serve ended: {self.log.read_text()[-3000:]}"
                return None
            return found[number - 1]

        return until(find, f"{event} {fields}", seconds=seconds, explain=self.log.read_text)


def until(
    ask: Callable[[], Found | None],
    what: str,
    *,
    seconds: float = 60.0,
    explain: Callable[[], str] = str,
) -> Found:
    deadline = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < deadline, f"no {what} in {seconds} s: {explain()[-3000:]}"
        time.sleep(0.1)
    return found


def find_processes(*words: str) -> list[int]:
    """Of our own program, with all these words on its command line."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            line = (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it has just ended
        if PROGRAM in line and set(words) <= set(line):
            found.append(int(directory.name))
    return found
