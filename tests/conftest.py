"""Fixtures that several parts of the suite share."""

import pytest

pytest_plugins = ("tests.fixtures.lab", "tests.fixtures.openstack")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tests of one group change one machine: better none of them than two at once."""
    if not session.config.getoption("loadgroup", default=False):
        return
    for item in session.items:
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
            raise pytest.UsageError(f"pytest-xdist does not heed the group of {item.nodeid}")
