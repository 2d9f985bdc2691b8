"""What a scan says that it could not read: there nothing is missing, only unknown."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from releve.model.observed import Fact, FactKind

_KINDS: Final = frozenset(FactKind)
_SPOT_KINDS: Final = (FactKind.NOT_CHECKED, FactKind.EXCLUSION)
_FROM_SHADOW: Final = frozenset({"password", "expires", "min_days", "max_days"})
_MADE_AT_BOOT: Final = frozenset({"generated", "transient", "enabled-runtime"})
_LIVE_ATTRIBUTES: Final = {
    (FactKind.UNIT, "active"),
    (FactKind.UNIT, "load"),
    (FactKind.CONTAINER, "state"),
}


@dataclass
class BlindSpots:
    """Of one scan; they stand first in its stream."""

    partial: bool = False  # the scan was cut: whatever it lacks may still be there
    kinds: set[FactKind] = field(default_factory=set)
    within: dict[FactKind, set[str]] = field(default_factory=dict)  # what follows `kind:`
    paths: set[str] = field(default_factory=set)

    def add(self, spot: Fact) -> None:
        if spot.key.startswith("/"):
            self.paths.add(spot.key.rstrip("/") or "/")
            return
        kind, _, suffix = spot.key.partition(":")
        if kind not in _KINDS:
            return
        if suffix:
            self.within.setdefault(FactKind(kind), set()).add(suffix)
        else:
            self.kinds.add(FactKind(kind))

    def may_hold(self, fact: Fact) -> bool:
        """True where this scan could have overlooked a fact that the other one has."""
        if self.partial or fact.kind in self.kinds:
            return True
        if fact.kind is FactKind.FILE:
            return self._is_under_unread(fact.key)
        if fact.kind is FactKind.UNIT and "generated" in self.within.get(fact.kind, ()):
            return fact.attributes.get("enablement", "generated") in _MADE_AT_BOOT
        file = fact.evidence.get("file", "")
        return any(
            fact.key.startswith(suffix) or (file and suffix.startswith(file))
            for suffix in self.within.get(fact.kind, ())
        )

    def hides(self, fact: Fact, attribute: str) -> bool:
        """True where this scan has the fact but may have failed to read the attribute."""
        if attribute in fact.attributes:
            return False
        if fact.kind is FactKind.FILE:
            return fact.key in self.paths or "file" in self.kinds
        within = self.within.get(fact.kind, set())
        if fact.kind is FactKind.USER and attribute in _FROM_SHADOW:
            return any(suffix.startswith("/etc/shadow") for suffix in within)
        if (fact.kind, attribute) in _LIVE_ATTRIBUTES:
            return bool(within & {attribute, "running"}) or FactKind.PROCESS in self.kinds
        return attribute in within or f"{fact.key}.{attribute}" in within

    def _is_under_unread(self, path: str) -> bool:
        if not self.paths:
            return False
        while path and path not in self.paths:
            path = path.rpartition("/")[0]
        return bool(path) or "/" in self.paths


def split_off(facts: Iterable[Fact], *, partial: bool) -> tuple[BlindSpots, Iterator[Fact]]:
    """The blind spots that head a sorted stream, and the stream of everything else."""
    spots = BlindSpots(partial=partial)
    stream = iter(facts)
    for fact in stream:
        if fact.kind not in _SPOT_KINDS:
            return spots, _put_back(fact, stream)
        spots.add(fact)
    return spots, iter(())


def _put_back(first: Fact, rest: Iterator[Fact]) -> Iterator[Fact]:
    yield first
    yield from rest
