"""What a person approved: one hash over the plan, the playbooks and the inventory."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from releve.errors import PlanError
from releve.model.run import RunInput

MAX_FILES = 20_000
IGNORED_DIRECTORIES = frozenset({".git", "__pycache__", ".venv", "node_modules"})


def fingerprint_of(run: RunInput) -> str:
    return fingerprint(run.plan, Path(run.repository))


def fingerprint(plan: object, repository: Path) -> str:
    """Sha256 over the frozen plan and every file of the repository, names and bytes."""
    digest = hashlib.sha256(json.dumps(plan, sort_keys=True).encode())
    for path in list_files(repository):
        digest.update(str(path.relative_to(repository)).encode("utf-8", "surrogateescape") + b"\0")
        digest.update(read_for_hash(path))
    return digest.hexdigest()


def list_files(repository: Path) -> list[Path]:
    files = sorted(walk(repository))
    if len(files) > MAX_FILES:
        raise PlanError(
            f"the repository holds more than {MAX_FILES} files",
            why="all of them are part of what a run is bound to",
            remedy="Keep releve.yml in the root of the Ansible repository, without data beside it",
        )
    return files


def walk(directory: Path) -> Iterator[Path]:
    for root, directories, names in os.walk(directory):
        directories[:] = [name for name in directories if name not in IGNORED_DIRECTORIES]
        for name in names:
            if not name.endswith(".pyc"):
                yield Path(root, name)


def read_for_hash(path: Path) -> bytes:
    if path.is_symlink():
        return b"link " + os.fsencode(path.readlink())
    if not path.is_file():
        return b"special"
    return hashlib.sha256(path.read_bytes()).digest()


def commit_of(repository: Path) -> str:
    """The commit checked out, with + when files differ from it; empty: not under git."""
    commit = ask_git(repository, "rev-parse", "HEAD")
    if not commit:
        return ""
    return commit + ("+" if ask_git(repository, "status", "--porcelain", "--", ".") else "")


def ask_git(repository: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - argv list of our own words
            ["git", "-C", str(repository), *arguments],  # noqa: S607 - the user's git
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
