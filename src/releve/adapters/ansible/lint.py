"""What ansible-lint says of a repository, under the profile for production."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from releve.adapters.ansible.programs import program_beside_python

_SECONDS: Final = 600.0
_MOST_TOLD: Final = 500


def lint(directory: Path, *, environment: Mapping[str, str]) -> str:
    """Why it is not clean, or empty; one that is not installed is a reason too."""
    program = program_beside_python("ansible-lint")
    if not shutil.which(program):
        return "ansible-lint is not installed, so nobody has looked at the branch with it"
    command = [program, "--profile=production", "--offline", "--nocolor", "-q"]
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
        return f"ansible-lint did not end: {error}"
    if done.returncode == 0:
        return ""
    told = done.stdout.strip() or done.stderr.strip()[-_MOST_TOLD:]
    said = " ".join(told.decode("utf-8", "replace").split())
    return f"ansible-lint is not content: {said[:_MOST_TOLD]}"
