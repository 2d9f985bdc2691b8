"""The plan's checks, made from one vantage point."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from releve.model.checks import CheckResult
from releve.model.run import Output
from releve.ports.access import Door


@dataclass(frozen=True)
class Vantage:
    """Where the checks connect to: an address only, so that no name can lead elsewhere."""

    name: str  # "instance" or "public address"
    address: str
    door: Door | None  # None: checks that need a shell are left out
    repository: str = ""  # where pytest files are


class Checker(ABC):
    @abstractmethod
    def run_checks(self, checks: Sequence[Output], *, vantage: Vantage) -> tuple[CheckResult, ...]:
        """Each check once, in order, side by side where possible; a check that cannot run fails."""
