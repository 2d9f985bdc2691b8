from collections.abc import Callable, Iterator
from typing import Any

import pytest

from releve.adapters.checks.checker import PlanChecker
from releve.adapters.ssh.access import SshAccess
from releve.model.checks import CheckResult
from releve.ports.checker import Vantage

RunCheck = Callable[..., CheckResult]


@pytest.fixture(scope="session")
def access() -> Iterator[SshAccess]:
    access = SshAccess()
    yield access
    access.close()


@pytest.fixture
def run_check(access: SshAccess) -> RunCheck:
    """Make one check from an address without a shell."""

    def run(check: dict[str, Any], *, address: str = "127.0.0.1") -> CheckResult:
        vantage = Vantage(name="public address", address=address, door=None)
        (result,) = PlanChecker(access).run_checks([check], vantage=vantage)
        return result

    return run
