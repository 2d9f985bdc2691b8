"""Incidents, approvals and pauses; durable when the call returns, JournalError where it is not."""

from abc import ABC, abstractmethod
from datetime import datetime

from releve.model.incident import Approval, Incident, IncidentEvent, Pause


class IncidentStore(ABC):
    @abstractmethod
    def save(self, incident: Incident, *events: IncidentEvent) -> None:
        """New or changed, with what happened, in one transaction; the same twice is once."""

    @abstractmethod
    def record(self, *events: IncidentEvent) -> None:
        """What happened, by somebody else than the watch, who alone changes the incident itself."""

    @abstractmethod
    def read(self, incident_id: str) -> Incident:
        """PlanError with near ids when there is none."""

    @abstractmethod
    def read_events(self, incident_id: str) -> tuple[IncidentEvent, ...]:
        """Oldest first."""

    @abstractmethod
    def list_incidents(
        self, *, host: str = "", only_open: bool = False, limit: int = 100
    ) -> tuple[Incident, ...]:
        """Newest first."""

    @abstractmethod
    def approve(self, approval: Approval) -> None:
        """In place of an earlier one of the same incident."""

    @abstractmethod
    def find_approval(self, incident_id: str) -> Approval | None:
        """One that has not been used, expired or not."""

    @abstractmethod
    def use_approval(self, approval: Approval) -> bool:
        """Exactly one caller of all processes gets True."""

    @abstractmethod
    def pause(self, pause: Pause) -> None:
        """In place of an earlier one of the same host."""

    @abstractmethod
    def end_pause(self, host: str) -> bool:
        """False where there was none."""

    @abstractmethod
    def list_pauses(self, *, now: datetime) -> tuple[Pause, ...]:
        """Those that hold at this time."""
