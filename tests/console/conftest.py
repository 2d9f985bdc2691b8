from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from releve.adapters.store import open_store
from tests.console.doors import TOKEN, Watched, listening


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    journal, _ = open_store(tmp_path / "state")
    return Watched(journal)


@pytest.fixture
def place(watched: Watched) -> Iterator[str]:
    with listening(watched) as place:
        yield place


@pytest.fixture
def client(place: str) -> Iterator[httpx.Client]:
    """With the right token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(
        base_url=f"http://{place}", headers=headers, trust_env=False, timeout=30
    ) as client:
        yield client
