import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from releve.adapters.ansible.converger import AnsibleConverger
from releve.adapters.ansible.lifeline import MARK
from releve.model.converge import ConvergeResult, TaskEvent
from releve.ports.converger import ConvergeRequest, ConvergeWatch
from tests.adapters.sshd import Sshd

REPOSITORIES = Path(__file__).parent / "repositories"


@dataclass
class Team:
    """A copy of a team's repository, a host to converge, and what a watcher saw."""

    repository: Path
    target: Path
    work: Path
    sshd: Sshd
    environment: dict[str, str]
    started: list[str] = field(default_factory=list)
    events: list[TaskEvent] = field(default_factory=list)
    should_stop: Callable[[], bool] = lambda: False

    def request(self, playbook: str, **changes: object) -> ConvergeRequest:
        fields: dict[str, object] = {
            "run_id": "r00000000000",
            "repository": str(self.repository),
            "playbook": playbook,
            "inventory": (),
            "host": "web1",
            "door": self.sshd.door(),
            "timeout_seconds": 240.0,
        }
        return ConvergeRequest(**(fields | changes))  # type: ignore[arg-type]  # fields by name

    def converge(self, playbook: str, **changes: object) -> ConvergeResult:
        return self.converger.converge(self.request(playbook, **changes), watch=self.watch)

    def list_problems(self, playbook: str, **changes: object) -> tuple[str, ...]:
        return self.converger.list_problems(self.request(playbook, **changes))

    @property
    def converger(self) -> AnsibleConverger:
        return AnsibleConverger(self.work, self.environment)

    @property
    def watch(self) -> ConvergeWatch:
        return ConvergeWatch(self.started.append, self.events.append, self.should_stop)

    def processes(self, pattern: str = "") -> list[int]:
        """The converge's own processes whose command line holds the pattern."""
        mark = f"{MARK}={self.work}/".encode()
        return [
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/environ")
            if mark in read_quietly(path)
            and pattern.encode() in read_quietly(path.parent / "cmdline")
        ]

    def kill(self, pattern: str) -> int:
        found = self.processes(pattern)
        for process in found:
            os.kill(process, signal.SIGKILL)
        return len(found)

    def events_of(self, task: str) -> list[TaskEvent]:
        return [event for event in self.events if event.task == task]


def read_quietly(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


MakeTeam = Callable[..., Team]


@pytest.fixture
def make_team(tmp_path: Path, sshd: Sshd) -> MakeTeam:
    def make(name: str, **environment: str) -> Team:
        repository, target = tmp_path / "repository", tmp_path / "target"
        shutil.copytree(REPOSITORIES / name, repository)
        repository.chmod(0o755)
        target.mkdir()
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE")}
        kept |= {"TARGET_DIRECTORY": str(target), "RELEVE_PACKAGE_SYNC": "keep"}
        kept |= environment
        return Team(repository, target, tmp_path / "work", sshd, kept)

    return make


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path / "neighbour")
    server.start()
    yield server
    server.stop()
