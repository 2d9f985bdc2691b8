"""Findings with their life, and learned noise. Writes are durable; JournalError otherwise."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from releve.model.finding import Decision, Finding, TrackedFinding
from releve.model.noise import NoiseMark


class FindingStore(ABC):
    @abstractmethod
    def save_findings(self, host: str, findings: Sequence[Finding], *, at: str) -> None:
        """All that stand open at this time; one seen before keeps its first_seen.

        One that is not among them and not GONE yet becomes GONE; one that comes back is OPEN
        again, unless an acceptance of it still holds.
        """

    @abstractmethod
    def list_findings(self, host: str, *, at: str) -> tuple[TrackedFinding, ...]:
        """Every finding ever tracked, by tier and title; an acceptance that has expired is OPEN."""

    @abstractmethod
    def decide(self, decision: Decision) -> None:
        """Append; PlanError with near fingerprints when the host has no such finding."""

    @abstractmethod
    def read_decisions(self, host: str, fingerprint: str) -> tuple[Decision, ...]:
        """Oldest first."""

    @abstractmethod
    def save_noise(self, host: str, base_image: str, marks: Iterable[NoiseMark]) -> None:
        """Add to what is known; a mark known already stays as it was learned first."""

    @abstractmethod
    def read_noise(self, host: str, base_image: str) -> frozenset[NoiseMark]: ...
