"""The engine's own command line client, spoken to in JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from releve.errors import LabError
from releve.lab.commands import Conduct, Ended, attempt, printable, run
from releve.lab.engine import Engine
from releve.lab.settings import LabPaths

_NOT_FOUND: Final = re.compile(r"not found", re.IGNORECASE)
_TIMEOUT_SECONDS: Final = 180.0


@dataclass(frozen=True)
class Client:
    engine: Engine
    paths: LabPaths

    def get(self, path: str) -> Any:
        """None when it does not exist."""
        ended = self._query("GET", path)
        if ended.exit_code == 0:
            return json.loads(ended.output)
        if _NOT_FOUND.search(ended.complaint):
            return None
        raise _refusal("GET", path, ended)

    def act(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        """Sent once and awaited; LabError with the daemon's own words."""
        ended = self._query(method, path, "--wait", "--data", json.dumps(body))
        if ended.exit_code != 0:
            raise _refusal(method, path, ended)

    def import_image(self, metadata: Path, rootfs: Path, *, alias: str) -> None:
        files = (str(metadata), str(rootfs))
        run([self.engine.client, "image", "import", *files, "--alias", alias], self._conduct())

    def push_file(self, instance: str, path: str, *, text: str, mode: str) -> None:
        options = ("--create-dirs", "--uid", "0", "--gid", "0", "--mode", mode)
        target = f"{instance}{path}"
        run([self.engine.client, "file", "push", *options, "-", target], self._conduct(stdin=text))

    def pull_file(self, instance: str, path: str) -> str:
        """Empty when there is no such file."""
        argv = [self.engine.client, "file", "pull", f"{instance}{path}", "-"]
        ended = attempt(argv, self._conduct())
        return ended.output if ended.exit_code == 0 else ""

    def execute(self, instance: str, argv: Sequence[str]) -> Ended:
        """A command inside the instance, without a terminal."""
        whole = [self.engine.client, "exec", "--force-noninteractive", instance, "--", *argv]
        return attempt(whole, self._conduct())

    def _query(self, method: str, path: str, *options: str) -> Ended:
        argv = [self.engine.client, "query", "--request", method, *options, path]
        return attempt(argv, self._conduct())

    def _conduct(self, stdin: str = "") -> Conduct:
        environment = {
            self.engine.directory_variable: str(self.paths.daemon),
            self.engine.client_variable: str(self.paths.client),
        }
        return Conduct(timeout_seconds=_TIMEOUT_SECONDS, stdin=stdin, environment=environment)


def _refusal(method: str, path: str, ended: Ended) -> LabError:
    return LabError(
        f"The lab's daemon refused {method} {path}",
        why=printable(ended.complaint).removeprefix("Error: "),
        remedy="look into daemon.log in the lab's directory; `releve lab down` starts afresh",
    )
