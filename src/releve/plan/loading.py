"""releve.yml read from disk: checked whole, with the line of everything that is wrong."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from releve.errors import PlanError
from releve.plan.cross_checks import list_contradictions
from releve.plan.problems import Place, find_line, show_word, suggest, to_plan_error
from releve.plan.repository_files import list_file_problems, resolve_identity_files
from releve.plan.secrets import list_clear_secrets
from releve.plan.types import HostPlan, Plan
from releve.plan.wording import word_validation_error
from releve.plan.yaml_tree import YamlTree, read_yaml

PLAN_FILE_NAME: Final = "releve.yml"
LARGEST_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class LoadedPlan:
    """A plan without any problem that the files alone can show."""

    plan: Plan
    path: Path  # as given; locations start with it
    repository: Path  # absolute directory of releve.yml
    sha256: str  # of the file's bytes
    lines: Mapping[Place, int]

    def location_of(self, place: Place) -> str:
        """file:line of a place in the plan, or of what encloses it."""
        return f"{self.path}:{find_line(place, self.lines)}"

    def host(self, name: str) -> HostPlan:
        """PlanError with the near words when the plan has no such host."""
        if name not in self.plan.hosts:
            raise PlanError(
                f"the plan has no host {show_word(name)}",
                why=f"it has {', '.join(list(self.plan.hosts)[:20])}",
                remedy=suggest(name, self.plan.hosts, otherwise="name one of these"),
                location=self.location_of(("hosts",)),
            )
        return self.plan.hosts[name]


def find_plan(start: Path) -> Path:
    """releve.yml in the directory, or above it up to the root of its git repository."""
    searched = [start, *_parents_in_repository(start)]
    for directory in searched:
        if (directory / PLAN_FILE_NAME).is_file():
            return Path(os.path.relpath(directory / PLAN_FILE_NAME))
    raise PlanError(
        f"there is no {PLAN_FILE_NAME} here",
        why=f"looked in {start}"
        + (f" and its parents up to {searched[-1]}" if len(searched) > 1 else ""),
        remedy="go to the Ansible repository that holds it, or give its path with --plan",
    )


def _parents_in_repository(start: Path) -> list[Path]:
    """Empty outside git: a plan of a stranger's directory above must not be picked up."""
    chain = [start, *start.parents]
    for index, directory in enumerate(chain):
        if (directory / ".git").exists():
            return chain[1 : index + 1]
    return []


def load_plan(path: Path) -> LoadedPlan:
    """The plan with every path and entry checked; PlanError names the first problem by line."""
    raw = _read_bounded(path)
    tree = read_yaml(_decode(raw, shown_path=str(path)), shown_path=str(path))
    plan = _validate(tree, shown_path=str(path))
    repository = path.resolve().parent
    problems = [*list_contradictions(plan), *list_file_problems(plan, repository)]
    if problems:
        raise to_plan_error(problems, shown_path=str(path), lines=tree.lines)
    return LoadedPlan(
        plan=resolve_identity_files(plan, repository),
        path=path,
        repository=repository,
        sha256=hashlib.sha256(raw).hexdigest(),
        lines=tree.lines,
    )


def _read_bounded(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise _unreadable(path, "it is not a file" if path.exists() else "no such file")
        with path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error.strerror or "the read failed") from error
    if len(raw) > LARGEST_BYTES:
        raise PlanError(
            f"the plan is larger than {LARGEST_BYTES // 1024} KiB",
            why="no plan needs that; the file is not read any further",
            remedy="check that --plan names a releve.yml",
            location=f"{path}:1",
        )
    return raw


def _unreadable(path: Path, why: str) -> PlanError:
    return PlanError(
        "the plan cannot be read",
        why=why,
        remedy=f"give the path of a {PLAN_FILE_NAME} with --plan",
        location=f"{path}:1",
    )


def _decode(raw: bytes, *, shown_path: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PlanError(
            "the plan is not UTF-8",
            why=f"byte 0x{raw[error.start]:02x} starts no UTF-8 character",
            remedy="save the file as UTF-8",
            location=f"{shown_path}:{line}",
        ) from error


def _validate(tree: YamlTree, *, shown_path: str) -> Plan:
    """Types and secrets in one pass, so that a secret under an unknown key is named as such."""
    secrets = list_clear_secrets(tree.data)
    try:
        plan = Plan.model_validate(tree.data)
    except ValidationError as error:
        secret_places = {problem.place for problem in secrets}
        mistakes = word_validation_error(error, tree)
        mistakes = [mistake for mistake in mistakes if mistake.place not in secret_places]
        raise to_plan_error(
            [*secrets, *mistakes], shown_path=shown_path, lines=tree.lines
        ) from error
    if secrets:
        raise to_plan_error(secrets, shown_path=shown_path, lines=tree.lines)
    return plan
