"""In which state a finding is: what a scan saw of it, and what was decided last."""

from collections.abc import Sequence
from dataclasses import dataclass

from releve.model.finding import Decision, Finding, FindingState, Tier, TrackedFinding

_TIERS = {tier: rank for rank, tier in enumerate(Tier)}


@dataclass(frozen=True)
class Sighting:
    """When scans saw a finding."""

    first_seen: str
    opened_at: str  # when it came, or came back after it was gone
    last_seen: str
    gone: bool

    def seen_again(self, at: str) -> "Sighting":
        return Sighting(self.first_seen, at if self.gone else self.opened_at, at, gone=False)


def first_sighting(at: str) -> Sighting:
    return Sighting(at, at, at, gone=False)


def track(
    finding: Finding, sighting: Sighting, decisions: Sequence[Decision], *, at: str
) -> TrackedFinding:
    """`decisions`: oldest first; the state is that of the moment `at`, ISO 8601."""
    decision = decisions[-1] if decisions else None
    state = _state_of(sighting, decision, at)
    return TrackedFinding(finding, state, decision, sighting.first_seen, sighting.last_seen)


def in_order(tracked: Sequence[TrackedFinding]) -> tuple[TrackedFinding, ...]:
    """By tier and title; the fingerprint where both are the same."""
    return tuple(sorted(tracked, key=_order))


def holds(decision: Decision, at: str) -> bool:
    """Whether an acceptance has not expired: its last day is the one it names."""
    return not decision.until or at[:10] <= decision.until[:10]


def _state_of(sighting: Sighting, decision: Decision | None, at: str) -> FindingState:
    if sighting.gone:
        return FindingState.GONE
    if decision is None:
        return FindingState.OPEN
    if decision.state is FindingState.ACCEPTED:
        return FindingState.ACCEPTED if holds(decision, at) else FindingState.OPEN
    if decision.state is FindingState.CODIFIED and decision.at >= sighting.opened_at:
        return FindingState.CODIFIED
    return FindingState.OPEN


def _order(tracked: TrackedFinding) -> tuple[int, str, str]:
    finding = tracked.finding
    return _TIERS[finding.tier], finding.title, finding.fingerprint
