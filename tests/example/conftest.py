"""A lab of its own, on which the example is converged once."""

from collections.abc import Iterator

import pytest

from releve.lab.settings import LabSettings
from tests.example.blog_on_lab import Blog, open_blog
from tests.fixtures.lab import require_lab, start_lab, stop_lab


@pytest.fixture(scope="package")
def blog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blog]:
    """The blog on a lab host, with the posts and uploads of tools/seed.py."""
    require_lab()
    directory = tmp_path_factory.mktemp("example")
    settings = LabSettings("example", directory=directory / "lab")
    try:
        yield open_blog(start_lab(settings), directory / "repository")
    finally:
        stop_lab(settings)
