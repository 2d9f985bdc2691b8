"""Recoveries that the watcher starts, each in a process of its own."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from releve.ports.child import Child


@dataclass(frozen=True)
class StartOrder:
    """Chosen and made durable before anything starts, so that the same order twice is one run."""

    host: str
    incident_id: str
    run_id: str
    fingerprint: str  # of what was decided on; a run of anything else must not start


class Starter(ABC):
    """Calls may block: the watcher makes them in a thread."""

    @abstractmethod
    def fingerprint(self, host: str) -> str:
        """Over plan, playbooks and inventory as they are now; PlanError where one is unreadable."""

    @abstractmethod
    def start(self, order: StartOrder) -> Child:
        """Propose and drive the run of this id, or go on with it where the journal has it."""

    @abstractmethod
    def resume(self, run_id: str) -> Child:
        """Go on with a run whose process has ended before its time."""
