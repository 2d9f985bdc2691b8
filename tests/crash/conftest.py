"""What SIGKILL leaves behind needs no disk: lives are quicker in memory."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import postgres

__all__ = ["postgres"]

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - only a parent for directories of our own


@pytest.fixture
def run_directory(tmp_path: Path) -> Iterator[Path]:
    if not os.access(_IN_MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="kill-", dir=_IN_MEMORY) as directory:
        yield Path(directory)
