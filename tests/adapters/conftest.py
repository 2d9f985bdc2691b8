import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.sshd import SSHD, Sshd


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    if SSHD is None or os.geteuid() != 0:
        pytest.skip("REAL SSHD NOT TESTED: needs root and the package openssh-server")
    server = Sshd(Path(tmp_path_factory.mktemp("sshd")))
    server.start()
    yield server
    server.stop()
