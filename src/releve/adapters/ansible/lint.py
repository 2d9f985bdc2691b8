"""What ansible-lint says of a branch, under the profile for production: of what is new in it.

A team's own files and the roles it got from others may displease it already; only what the branch
adds to that speaks against the branch.
"""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from releve.adapters.ansible.programs import program_beside_python

_SECONDS: Final = 600.0
_MOST_TOLD: Final = 500


class _NoAnswer(Exception):
    """The argument is the reason."""


@dataclass(frozen=True)
class _Complaint:
    rule: str
    path: str  # below the directory of releve.yml
    line: int
    text: str


def lint_branch(
    directory: Path,
    *,
    changed: Collection[str],
    check_out_base: Callable[[], AbstractContextManager[Path]],
    environment: Mapping[str, str],
) -> str:
    """Why the files changed are not clean, or empty; one that is not installed is a reason too."""
    try:
        after = [found for found in _lint(directory, environment) if found.path in changed]
        if not after:
            return ""
        with check_out_base() as base:
            before = Counter((found.rule, found.path) for found in _lint(base, environment))
    except _NoAnswer as reason:
        return str(reason)
    more = Counter((found.rule, found.path) for found in after) - before
    told = [
        f"{found.rule}: {found.text}, {found.path}:{found.line}"
        for found in after
        if (found.rule, found.path) in more
    ]
    return f"ansible-lint is not content: {'; '.join(told)[:_MOST_TOLD]}" if told else ""


def _lint(directory: Path, environment: Mapping[str, str]) -> list[_Complaint]:
    program = program_beside_python("ansible-lint")
    if not shutil.which(program):
        raise _NoAnswer("ansible-lint is not installed, so nobody has looked at the branch with it")
    command = [program, "--profile=production", "--offline", "--nocolor", "-q", "--format=json"]
    try:
        done = subprocess.run(  # noqa: S603 - an argv list of our own making
            command,
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _NoAnswer(f"ansible-lint did not end: {error}") from error
    said = " ".join((done.stdout + done.stderr).decode("utf-8", "replace").split())[-_MOST_TOLD:]
    if done.returncode not in {0, 2}:  # clean, or not
        raise _NoAnswer(f"ansible-lint failed: {said}")
    try:
        return [_read_complaint(found) for found in json.loads(done.stdout or b"[]")]
    except (ValueError, KeyError, TypeError) as error:
        raise _NoAnswer(f"ansible-lint cannot be understood: {said}") from error


def _read_complaint(found: Mapping[str, Any]) -> _Complaint:
    location = found["location"]
    begins = location.get("lines", location.get("positions", {})).get("begin", 0)
    line = begins["line"] if isinstance(begins, dict) else begins
    return _Complaint(found["check_name"], location["path"], int(line), found["description"])
