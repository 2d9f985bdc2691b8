"""A daemon double, and the real thing: the session's lab as a range."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from releve.providers.lxd.cloud import LxdCloud
from tests.contracts.lxd_range import LxdRange
from tests.fixtures.lab import RunningLab
from tests.providers.lxd.daemon_double import Answer, DaemonDouble, sync


class Meet(Protocol):
    def __call__(
        self, answer: Answer, *, timeout_seconds: float = 20
    ) -> tuple[DaemonDouble, LxdCloud]: ...


@pytest.fixture
def meet(tmp_path: Path) -> Iterator[Meet]:
    """Connect a provider to a daemon that answers like this from then on."""
    with ExitStack() as stack:

        def connect(
            answer: Answer, *, timeout_seconds: float = 20
        ) -> tuple[DaemonDouble, LxdCloud]:
            double = DaemonDouble(tmp_path / "unix.socket", lambda _asked: sync([]))
            stack.enter_context(double)
            cloud = LxdCloud(
                endpoint=str(double.socket), network="net", timeout_seconds=timeout_seconds
            )
            stack.callback(cloud.close)
            double.asked.clear()
            double.answer = answer
            return double, cloud

        yield connect


@pytest.fixture(scope="module")
def ground(lab: RunningLab) -> Iterator[LxdRange]:
    opened = LxdRange(lab)
    yield opened
    opened.cleanup()
