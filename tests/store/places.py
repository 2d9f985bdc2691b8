"""Where a store may lie: in memory, in SQLite, or in PostgreSQL where it is installed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from releve.adapters.store import open_observed_store
from releve.ports.finding_store import FindingStore
from releve.ports.observed_store import ObservedStore
from tests.fakes.finding_store import FakeFindingStore
from tests.fakes.observed_store import FakeObservedStore

PLACES = ("fake", "sqlite", pytest.param("postgresql", marks=pytest.mark.real))

Stores = tuple[ObservedStore, FindingStore]


@dataclass(frozen=True)
class Place:
    open: Callable[[], Stores]  # each time the same stores, as a further process would
    is_fake: bool


def make_place(request: pytest.FixtureRequest, directory: Path) -> Place:
    if request.param == "fake":
        stores = FakeObservedStore(), FakeFindingStore()
        return Place(lambda: stores, is_fake=True)
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    return Place(lambda: open_observed_store(directory / "state", url), is_fake=False)
