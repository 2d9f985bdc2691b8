"""The team's git repository: read as its last commit holds it, changed on branches only.

Nothing here touches the person's checkout or index, runs a hook or a filter, or pushes.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CommitDraft:
    message: str
    files: Mapping[str, bytes]  # path below the directory of releve.yml to its whole new content


class TeamRepository(ABC):
    @abstractmethod
    def head(self) -> str:
        """The commit checked out; PlanError where there is none."""

    @abstractmethod
    def read_files(self, commit: str) -> Mapping[str, bytes]:
        """Every regular file of the commit below releve.yml, bounded to 64 MiB in all."""

    @abstractmethod
    def list_uncommitted(self) -> tuple[str, ...]:
        """Tracked paths below releve.yml that differ from the commit checked out."""

    @abstractmethod
    def make_branch(self, name: str, commit: str, drafts: Sequence[CommitDraft]) -> tuple[str, ...]:
        """The commits, oldest first, on a new branch from `commit`; PlanError if it exists."""

    @abstractmethod
    def check_out(self, commit: str) -> AbstractContextManager[Path]:
        """The directory of releve.yml in a work tree of its own, removed afterwards.

        What the person's checkout has and git ignores is linked in: galaxy's roles, the file of
        the vault's password.
        """
