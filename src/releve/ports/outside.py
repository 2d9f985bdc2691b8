"""All the doors to the outside, chosen in wiring.py."""

from dataclasses import dataclass

from releve.ports.access import Access
from releve.ports.checker import Checker
from releve.ports.clock import Clock
from releve.ports.converger import Converger
from releve.ports.finding_store import FindingStore
from releve.ports.journal import Journal, Lease
from releve.ports.observed_store import ObservedStore
from releve.ports.provider import Provider


@dataclass(frozen=True)
class Outside:
    provider: Provider
    access: Access
    converger: Converger
    checker: Checker
    journal: Journal
    lease: Lease
    clock: Clock
    observed: ObservedStore
    findings: FindingStore
