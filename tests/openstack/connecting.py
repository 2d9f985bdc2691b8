"""The provider under test, as a user's clouds.yaml leads to it."""

import os
from pathlib import Path
from typing import Final

from releve.providers.openstack.cloud import OpenstackCloud
from releve.providers.openstack.settings import Settings
from tests.openstack.tenant import CLOUD

_VARIABLE: Final = "OS_CLIENT_CONFIG_FILE"


def connect_team(
    clouds_file: Path, *, timeout_seconds: float = 60.0, settle_seconds: float = 1.0
) -> OpenstackCloud:
    """It reads the file when it is made, and not again."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = str(clouds_file)
    try:
        return OpenstackCloud(
            CLOUD,
            settings=Settings(system_disk="1GiB"),
            timeout_seconds=timeout_seconds,
            settle_seconds=settle_seconds,
        )
    finally:
        del os.environ[_VARIABLE]
        if before is not None:
            os.environ[_VARIABLE] = before
