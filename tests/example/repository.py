"""The example's Ansible repository, and how its team would call Ansible in it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

REPOSITORY: Final = Path(__file__).resolve().parents[2] / "examples" / "blog"
PROGRAMS: Final = Path(sys.executable).parent
PUBLIC_ADDRESS: Final = "198.51.100.10"  # the one that the repository is written with
VAULT: Final = Path("inventory/group_vars/web/vault.yml")

_RECAP: Final = re.compile(r"^(?P<host>\S+)\s+: (?P<counts>(?:\w+=\d+\s*)+)$", re.MULTILINE)


def run_program(
    *command: str, repository: Path = REPOSITORY, environment: Mapping[str, str] | None = None
) -> str:
    """Its output; an AssertionError that shows it where the program fails."""
    program, *arguments = command
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [shutil.which(program, path=path) or program, *arguments],
        cwd=repository,
        env={**os.environ, "PATH": path, "ANSIBLE_NOCOLOR": "1", **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{program}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def read_recap(output: str) -> dict[str, int]:
    """The counts of the one host in Ansible's recap."""
    found = _RECAP.findall(output)
    assert [host for host, _ in found] == ["blog"], output[-4000:]
    return {key: int(count) for key, _, count in (c.partition("=") for c in found[0][1].split())}


def read_yaml(source: Path | str) -> Any:
    return YAML(typ="safe").load(source)


def list_tasks() -> Iterator[dict[str, Any]]:
    """Every task and handler of the roles as written."""
    for kind in ("tasks", "handlers"):
        for path in sorted(REPOSITORY.glob(f"roles/*/{kind}/*.yml")):
            yield from read_yaml(path)


def copy_repository(target: Path, *, address: str) -> Path:
    shutil.copytree(REPOSITORY, target)
    for name in ("inventory/hosts.yml", "releve.yml"):
        text = (target / name).read_text()
        assert PUBLIC_ADDRESS in text
        (target / name).write_text(text.replace(PUBLIC_ADDRESS, address))
    return target
