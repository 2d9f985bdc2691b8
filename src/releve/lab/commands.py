"""Programs of this machine: started by argument list, awaited, their failure explained."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from releve.errors import LabError

_SHOWN: Final = 2000  # characters of a failed program's last words


@dataclass(frozen=True)
class Ended:
    exit_code: int
    output: str
    complaint: str


@dataclass(frozen=True)
class Conduct:
    """How a program is run."""

    timeout_seconds: float = 120.0
    stdin: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)  # added to ours


_USUAL: Final = Conduct()


def run(argv: Sequence[str], conduct: Conduct = _USUAL) -> str:
    """The program's output; LabError when it is missing, fails or takes too long."""
    ended = attempt(argv, conduct)
    if ended.exit_code != 0:
        raise LabError(
            f"{argv[0]} failed with exit code {ended.exit_code}",
            why=printable(ended.complaint or ended.output),
            remedy=f"the command was: {printable(' '.join(argv))[:500]}",
        )
    return ended.output


def attempt(argv: Sequence[str], conduct: Conduct = _USUAL) -> Ended:
    """As run, but a failure is an answer; only a missing program or a time-out is an error."""
    try:
        completed = subprocess.run(  # noqa: S603 - argument list, no shell
            argv,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            input=conduct.stdin,
            timeout=conduct.timeout_seconds,
            env={**os.environ, "LC_ALL": "C.UTF-8", **conduct.environment},
        )
    except FileNotFoundError as error:
        raise LabError(
            f"{argv[0]} is not installed",
            why="the lab needs it",
            remedy="run ./dev, or install the package that holds it",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"{argv[0]} took longer than {conduct.timeout_seconds:.0f} s",
            why=printable(" ".join(argv))[:500],
            remedy="look at the machine's load and run the same command again",
        ) from error
    return Ended(completed.returncode, completed.stdout, completed.stderr)


def printable(text: str) -> str:
    """The end of a text, without anything that a terminal would obey."""
    kept = "".join(c if c.isprintable() or c == "\n" else "?" for c in text.strip())
    return kept[-_SHOWN:]
