"""Fixtures that several parts of the suite share."""

pytest_plugins = ("tests.fixtures.lab",)
