"""What the watch needs from outside, and its pace."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from releve.ports.access import Door
from releve.ports.checker import Checker
from releve.ports.clock import Clock
from releve.ports.incident_store import IncidentStore
from releve.ports.journal import Journal, Lease
from releve.ports.notifier import Notifier
from releve.ports.prober import Prober
from releve.ports.provider import Provider
from releve.watch.starting import Starter

Say = Callable[[str, dict[str, Any]], None]  # an event and its fields, for the log
FindDoor = Callable[[str], Door]  # of this host as it is now; blocks, raises ReleveError
Knock = Callable[[str, int], Awaitable[bool]]  # whether address and port take a connection


@dataclass(frozen=True)
class Senses:
    """What it takes to look at hosts; nothing is kept or started through these."""

    prober: Prober
    checker: Checker
    provider: Provider
    clock: Clock
    find_door: FindDoor
    knock: Knock
    say: Say


@dataclass(frozen=True)
class Surroundings(Senses):
    notifier: Notifier
    incidents: IncidentStore
    journal: Journal
    lease: Lease
    starter: Starter


@dataclass(frozen=True)
class Pace:
    """Seconds; a test may hurry."""

    turn: float = 1.0
    attend: float = 5.0  # between two decisions on a host that is dead
    attend_in_storm: float = 60.0
    trouble: float = 5.0  # between two rounds from outside while something is wrong
    door: float = 60.0  # a door that leads nowhere is looked up again
    poll_run: float = 2.0
    settle: float = 20.0  # an incident has to be durable before a run starts
    leave: float = 5.0  # for notices and incidents under way, at the end
