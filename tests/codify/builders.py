"""Short ways to write findings, touches and a repository."""

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

from releve.codify.types import Contents, Encrypt, RepositoryView, Situation
from releve.model.converge import TaskEvent, Touch, TouchKind
from releve.model.finding import Deviation, DeviationStatus, Finding, Tier
from releve.model.observed import Fact, FactKind

BLOG = Path(__file__).parents[2] / "examples" / "blog"
_NUMBERS = count(1)
Attributes = Mapping[str, str]


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def deviation(
    kind: FactKind,
    key: str,
    ours: Attributes | None = None,
    theirs: Attributes | None = None,
    *,
    evidence: Attributes | None = None,
) -> Deviation:
    """Extra without `theirs`, missing without `ours`."""
    both = ours is not None and theirs is not None
    status = DeviationStatus.MODIFIED if both else DeviationStatus.EXTRA
    status = DeviationStatus.MISSING if ours is None else status
    names = {*(ours or {}), *(theirs or {})}
    differing = sorted(name for name in names if (ours or {}).get(name) != (theirs or {}).get(name))
    return Deviation(
        kind,
        key,
        status,
        None if ours is None else Fact(kind, key, ours, evidence or {}),
        None if theirs is None else Fact(kind, key, theirs, evidence or {}),
        tuple(differing) if both else (),
    )


def file_deviation(
    path: str, content: bytes, before: bytes | None = None, **attributes: str
) -> Deviation:
    ours = {"type": "file", "mode": "0644", "owner": "root", "group": "root", **attributes}
    theirs = None if before is None else {**ours, "content": digest(before)}
    return deviation(FactKind.FILE, path, {**ours, "content": digest(content)}, theirs)


def finding(*deviations: Deviation, title: str = "something was changed by hand") -> Finding:
    leading = deviations[0]
    return Finding(
        fingerprint=f"{next(_NUMBERS):012x}",
        host="blog",
        cause=leading.kind,
        subject=leading.key,
        status=leading.status,
        title=title,
        tier=Tier.CONFIGURATION,
        deviations=deviations,
    )


def task(location: str, action: str, *touches: Touch, play: str = "") -> TaskEvent:
    return TaskEvent(
        "blog", play, "a task", "", location, f"ansible.builtin.{action}", "ok", "", 0.0, touches
    )


def path_touch(path: str) -> Touch:
    return Touch(TouchKind.PATH, path)


def line_of(files: Mapping[str, bytes], path: str, words: str) -> str:
    """file:line of the task with these words in its name."""
    lines = files[path].decode().splitlines()
    return f"{path}:{next(at for at, line in enumerate(lines, 1) if words in line)}"


def read_tree(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and ".git" not in path.parts and "__pycache__" not in path.parts
    }


def situation(
    files: Mapping[str, bytes],
    *,
    live: Mapping[str, bytes] | None = None,
    touches: Sequence[TaskEvent] = (),
    findings: Sequence[Finding] = (),
    encrypt: Encrypt | None = None,
    groups: Mapping[str, frozenset[str]] | None = None,
    logins: Mapping[str, str] | None = None,
) -> Situation:
    one_host = {"web": frozenset({"blog"}), "all": frozenset({"blog"})}
    view = RepositoryView("blog", files, "site.yml", ("inventory/hosts.yml",), groups or one_host)
    contents = Contents(live or {})
    return Situation(view, contents, tuple(touches), encrypt, tuple(findings), logins or {})


def fake_encrypt(clear: bytes) -> bytes:
    """As long as a vault text, always the same, and nothing of the clear text in it."""
    return b"$ANSIBLE_VAULT;1.1;AES256\n" + hashlib.sha256(clear).hexdigest().encode() + b"\n"


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(directory), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def make_repository(directory: Path, files: Mapping[str, bytes]) -> Path:
    for path, content in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    git(directory, "init", "--quiet", "--initial-branch=main")
    git(directory, "config", "user.name", "Anne")
    git(directory, "config", "user.email", "anne@example.com")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message=The playbooks")
    return directory
