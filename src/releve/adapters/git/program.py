"""The git program: the person's configuration for names, none of its hooks or filters."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from releve.errors import PlanError

_SECONDS: Final = 120.0
_WITHOUT_HOOKS: Final = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
_IDENTITY_WORDS: Final = (
    "Please tell me who you are",
    "empty ident name",
    "Author identity unknown",
)
# A repository must not be led elsewhere by what a hook or an editor left in the environment.
_LEADING: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY")


class Git:
    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = {
            **{key: value for key, value in environment.items() if key not in _LEADING},
            "LC_ALL": "C.UTF-8",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
        }

    def text(
        self, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> str:
        return self.output(*arguments, stdin=stdin, extra=extra).decode("utf-8", "replace").strip()

    def output(
        self, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> bytes:
        """PlanError with git's words where it fails."""
        done = self._run(arguments, stdin, extra)
        if done.returncode:
            words = " ".join(done.stderr.decode("utf-8", "replace").split())[-500:]
            raise _explain(arguments[0], words)
        return done.stdout

    def succeeds(self, *arguments: str) -> bool:
        return self._run(arguments, b"", None).returncode == 0

    def _run(
        self, arguments: tuple[str, ...], stdin: bytes, extra: Mapping[str, str] | None
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(  # noqa: S603 - an argv list of our own making
                ["git", *_WITHOUT_HOOKS, "-C", str(self._directory), *arguments],  # noqa: S607
                env={**self._environment, **(extra or {})},
                input=stdin,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PlanError(
                "git does not run", why=str(error), remedy="install git, and look at the disk"
            ) from error


def _explain(command: str, words: str) -> PlanError:
    if "not a git repository" in words:
        return PlanError(
            "the directory of releve.yml is in no git repository",
            why="codify hands its changes over as a branch",
            remedy="run `git init`, and commit the playbooks",
        )
    if any(telling in words for telling in _IDENTITY_WORDS):
        return PlanError(
            "git does not know who you are",
            why="each commit names its author",
            remedy="run `git config user.name` and `git config user.email` in the repository",
        )
    if command == "check-ref-format":
        return PlanError(
            "the name is not one that a branch can have",
            why=words,
            remedy="name it with letters, digits, dashes and slashes",
        )
    return PlanError(f"git {command} failed", why=words, remedy="run it in the repository and look")
