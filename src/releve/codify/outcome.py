"""What a writer did with one deviation, and the names and paths that it may write."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from releve.codify.catch_up import CatchUp
from releve.codify.draft import Draft
from releve.codify.scalars import NotExpressible
from releve.codify.types import LeftOut, Situation
from releve.model.converge import TaskEvent, TouchKind
from releve.model.finding import Deviation, Finding
from releve.model.observed import FactKind

_ACCOUNT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\$?")
_PACKAGE: Final = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+](?::[a-z0-9]+)?")
_UNIT: Final = re.compile(
    r"[A-Za-z0-9:_.\\@-]{1,200}\.(?:service|socket|timer|target|mount|automount|path|slice|swap"
    r"|device|scope)"
)
# Ansible's modules would put the value of a variable there.
_EXPANDED: Final = re.compile(r"\$(?:[A-Za-z0-9_]|\{)")


@dataclass(frozen=True)
class Written:
    reason: str
    left_out: tuple[LeftOut, ...] = ()  # parts of the same deviation


@dataclass(frozen=True)
class Derived:
    """It comes by itself with another deviation of the same finding."""

    reason: str


Outcome = Written | Derived | LeftOut


@dataclass(frozen=True)
class Work:
    """One finding being codified."""

    finding: Finding
    situation: Situation
    draft: Draft

    @property
    def catch_up(self) -> CatchUp:
        return CatchUp(self.draft, self.situation.repository, self.situation.encrypt)

    def has(self, kind: FactKind, key: str) -> bool:
        """Whether the finding has this deviation too."""
        return any(found.kind == kind and found.key == key for found in self.finding.deviations)

    def team_touches(self, kind: TouchKind, *names: str) -> Iterator[TaskEvent]:
        """Tasks that touched one of these on the twin, in their order; the role's own left out."""
        own = f"{self.catch_up.directory}/"
        for event in self.situation.touches:
            if not event.location.startswith(own) and any(
                touch.kind == kind and touch.name in names for touch in event.touches
            ):
                yield event

    def of_kind(self, kind: FactKind) -> list[Deviation]:
        return [found for found in self.finding.deviations if found.kind == kind]


def leave_out(
    deviation: Deviation, reason: str, *, remedy: str = "", artefact: str = ""
) -> LeftOut:
    return LeftOut(
        str(deviation.kind),
        deviation.key,
        reason,
        remedy or "bring it into the playbooks by hand, or accept the finding with a reason",
        artefact,
    )


def require_account(name: str) -> str:
    if not _ACCOUNT.fullmatch(name):
        raise NotExpressible("an account has a name that no module would take")
    return name


def require_package(name: str) -> str:
    if not _PACKAGE.fullmatch(name):
        raise NotExpressible("it is not a name that a package can have")
    return name


def require_unit(name: str) -> str:
    if not _UNIT.fullmatch(name):
        raise NotExpressible("it is not a name that a unit can have")
    return name


def require_path(path: str) -> str:
    if not path.startswith("/") or ".." in path.split("/"):
        raise NotExpressible("it is not an absolute path")
    if _EXPANDED.search(path):
        raise NotExpressible("Ansible would put the value of a variable in place of `$` in it")
    return path


def require_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise NotExpressible("it holds a line break")
    return text
