"""A provider that speaks to a cloud double."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from releve.providers.openstack.cloud import OpenstackCloud
from releve.providers.openstack.settings import Settings
from tests.providers.openstack.cloud_double import Answer, CloudDouble, everything


class Meet(Protocol):
    def __call__(
        self,
        answer: Answer,
        *,
        timeout_seconds: float = 20,
        settings: Settings | None = None,
        double: dict[str, Any] | None = None,
        cloud: dict[str, Any] | None = None,
    ) -> tuple[CloudDouble, OpenstackCloud]: ...


@pytest.fixture
def meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Meet]:
    """Connect a provider to a cloud that answers like this from then on."""
    with ExitStack() as stack:

        def connect(
            answer: Answer,
            *,
            timeout_seconds: float = 20,
            settings: Settings | None = None,
            double: dict[str, Any] | None = None,
            cloud: dict[str, Any] | None = None,
        ) -> tuple[CloudDouble, OpenstackCloud]:
            opened = stack.enter_context(CloudDouble(everything, **(double or {})))
            opened.write_settings(tmp_path / "clouds.yaml", **(cloud or {}))
            monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
            provider = OpenstackCloud(
                "double", settings=settings, timeout_seconds=timeout_seconds, settle_seconds=0
            )
            stack.callback(provider.close)
            opened.asked.clear()
            opened.answer = answer
            return opened, provider

        yield connect
