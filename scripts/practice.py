"""What demo and bench share: a lab, a copy of the example, and commands shown as typed."""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
PYTHON: Final = sys.executable
BIN: Final = Path(sys.executable).parent
EXAMPLE: Final = ROOT / "examples" / "blog"
EXAMPLE_ADDRESS: Final = "198.51.100.10"


@dataclass(frozen=True)
class Range:
    """A lab with a working copy of the example's repository, as the team's own clone would be."""

    name: str
    facts: Mapping[str, Any]  # as `releve lab status --json` prints them
    repository: Path

    @property
    def address(self) -> str:
        return str(self.facts["hosts"][0]["address"])

    @property
    def team_variables(self) -> dict[str, str]:
        """What a person has set up long ago: pinned host keys."""
        known = self.facts["known_hosts"]
        return {"ANSIBLE_SSH_COMMON_ARGS": f"-o UserKnownHostsFile={known}"}


def show_title(text: str) -> None:
    bar = "─" * max(0, 76 - len(text))
    print(f"\n── {text} {bar}", flush=True)


def run_shown(
    command: Sequence[str], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> int:
    """Run a command in sight of the reader; its exit code, negative for a signal."""
    print(f"$ {shlex.join([Path(command[0]).name, *command[1:]])}", flush=True)
    return subprocess.run(command, cwd=cwd, env=env, check=False).returncode


def require(code: int, what: str) -> None:
    if code != 0:
        sys.exit(f"{what} ended with exit code {code}")


def releve(*arguments: str) -> list[str]:
    return [str(BIN / "releve"), *arguments]


def bring_up(name: str) -> Range:
    if read_lab(name)["state"] != "up":
        close_left_runs(name)
    require(run_shown(releve("lab", "up", "--name", name)), "bringing the lab up")
    facts = read_lab(name)
    return Range(name, facts, copy_example(name, facts))


def close_left_runs(name: str) -> None:
    """Of a lab that is gone: nothing can be resumed or put back there."""
    listed = subprocess.run(releve("runs", "--json"), capture_output=True, check=True)
    for run in json.loads(listed.stdout)["runs"]:
        is_open = run["state"] in {"PENDING", "NEEDS_PERSON"}
        if is_open and run["provider"].get("endpoint") == f"lab:{name}":
            run_shown(releve("cancel", run["run"], "--as-it-is", "--yes"))


def read_lab(name: str) -> dict[str, Any]:
    command = releve("lab", "status", "--name", name, "--json")
    done = subprocess.run(command, capture_output=True, check=True)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def copy_example(name: str, facts: Mapping[str, Any]) -> Path:
    """A working copy whose plan and inventory name this lab; what differs is two words."""
    target = Path(facts["directory"]) / "blog-repository"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(EXAMPLE, target)
    address = facts["hosts"][0]["address"]
    for path in (target / "releve.yml", target / "inventory" / "hosts.yml"):
        text = path.read_text().replace("lab:lab", f"lab:{name}")
        path.write_text(text.replace(EXAMPLE_ADDRESS, address))
    put_under_git(target)
    return target


def put_under_git(repository: Path) -> None:
    """As a team's playbooks are; the author is nobody's."""
    git = ["git", "-C", str(repository)]
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["config", "user.name", "The team"],
        ["config", "user.email", "team@example.com"],
        ["add", "--all"],
        ["commit", "--quiet", "--message", "The blog as it is"],
    ):
        subprocess.run([*git, *command], check=True)


def seed(ground: Range, environment: Mapping[str, str]) -> None:
    """Posts and uploads through the blog's own forms."""
    command = [PYTHON, "tools/seed.py", f"https://{ground.address}", "--insecure"]
    print(f"$ {shlex.join([Path(command[0]).name, *command[1:]])}", flush=True)
    done = subprocess.run(
        command, cwd=ground.repository, env=environment, capture_output=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"writing posts failed: {done.stderr.decode(errors='replace')}")
    written = json.loads(done.stdout)
    print(f"  {len(written['posts'])} posts, {len(written['uploads'])} uploads")


@contextlib.contextmanager
def ssh_agent(key: Path) -> Iterator[dict[str, str]]:
    """An agent that holds the key, as the team's own does."""
    started = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True)
    found = dict(re.findall(r"(SSH_AUTH_SOCK|SSH_AGENT_PID)=([^;]+);", started.stdout))
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, **found, "PATH": path}
    try:
        subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True)
        yield environment
    finally:
        subprocess.run(["ssh-agent", "-k"], env=environment, capture_output=True, check=False)


@contextlib.contextmanager
def timed(into: dict[str, float], phase: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    into[phase] = into.get(phase, 0.0) + time.monotonic() - began
