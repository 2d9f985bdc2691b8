"""Real labs, each in its own throw-away directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from releve.lab.settings import LabSettings
from tests.fixtures.lab import require_lab, stop_lab


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LabSettings]:
    """Settings of a lab that this test may break; it is gone after, however the test ends."""
    require_lab()
    settings = LabSettings("own", directory=tmp_path / "own")
    try:
        yield settings
    finally:
        stop_lab(settings)
