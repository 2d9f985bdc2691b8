"""What codify is given, and what it decides: changes to a team's repository, one per finding."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from releve.model.converge import TaskEvent
from releve.model.finding import Finding

LARGEST_CONTENT: Final = 1 << 20  # bytes of one file that is shipped in a repository

Encrypt = Callable[[bytes], bytes]  # to an Ansible Vault text; PlanError without its password


@dataclass(frozen=True)
class RepositoryView:
    """The team's repository as its commit holds it; paths are relative to releve.yml."""

    host: str  # inventory name
    files: Mapping[str, bytes]
    playbook: str
    inventory: tuple[str, ...] = ()
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)  # group to its hosts

    @cached_property
    def variables_directories(self) -> tuple[str, ...]:
        """With a slash at the end, or empty for the repository itself; the inventory's first."""
        found: list[str] = []
        for source in (*self.inventory, self.playbook):
            is_directory = any(path.startswith(f"{source}/") for path in self.files)
            directory = source if is_directory else source.rpartition("/")[0]
            found.append(f"{directory}/" if directory else "")
        return tuple(dict.fromkeys(found)) or ("",)


@dataclass(frozen=True)
class Contents:
    """Bytes by path; absent where nobody captured them."""

    live: Mapping[str, bytes] = field(default_factory=dict)
    twin: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class LeftOut:
    """One deviation that no playbook will bring back, with the reason."""

    kind: str
    key: str  # server text
    reason: str
    remedy: str
    artefact: str = ""  # path whose content is kept in the encrypted store


@dataclass(frozen=True)
class Change:
    """One commit."""

    finding: Finding
    files: Mapping[str, bytes]
    reasons: tuple[str, ...]  # our own words: what was changed where, and why there
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class NotCodifiable:
    finding: Finding
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class CodifyPlan:
    changes: tuple[Change, ...]
    not_codifiable: tuple[NotCodifiable, ...]


@dataclass(frozen=True)
class Situation:
    """All that a writer may look at."""

    repository: RepositoryView
    contents: Contents
    touches: tuple[TaskEvent, ...]
    encrypt: Encrypt | None
    findings: tuple[Finding, ...]  # every open one, also those that are not codified now
    # how accounts of databases log in, with what is stored; by quoted name
    logins: Mapping[str, str] = field(default_factory=dict)
