"""I10 at a real cloud: no secret of it in any byte that a recovery writes, in whatever form."""

import base64
import logging
import multiprocessing
import os
from pathlib import Path

import pytest

from tests.openstack.acts import ACTS
from tests.openstack.faults import Fault
from tests.openstack.guests import get_guest
from tests.openstack.play import Stage, Trouble, find_made, require_done, write_rows
from tests.openstack.recovery import Controller, open_journal
from tests.oracle.canaries import find_secret

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("openstack"),
    pytest.mark.timeout(900),
]


def live(directory: Path, output: Path) -> None:
    """Everything that its libraries want to say is said, and goes into one file."""
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(written, 1)
    os.dup2(written, 2)
    logging.basicConfig(level=logging.DEBUG, force=True)
    Controller(directory).drive()


def test_no_byte_that_is_written_holds_one(stage: Stage) -> None:
    """Also where the replies, that with the password of the new server too, cannot be read."""
    kinds = {"S06": "html", "S08": "truncated", "S13": "huge", "S17": "truncated"}
    troubles = [
        Trouble(f"{row}-F20", f"{kind}, done", (Fault(ACTS[row], kind, done=True),))
        for row, kind in kinds.items()
    ]
    for trouble in troubles:
        stage.proxy.arm(*trouble.faults)
    output = stage.directory / "output.log"
    child = multiprocessing.get_context("spawn").Process(
        target=live, args=(stage.directory, output)
    )
    child.start()
    child.join(180)
    assert child.exitcode == 0
    record = open_journal(stage.directory).list_runs()[0]
    require_done(stage, record)
    assert all(trouble.is_met for trouble in troubles)
    write_rows(stage, troubles, record)
    given = get_guest(stage.tenant.plane, find_made(stage, record)).given
    secrets = {
        "adminPass": given["admin_password"],
        "user_data": given["user_data"],
        "user_data in clear": base64.b64decode(given["user_data"]).decode(),
        "application credential": stage.tenant.secret,
    }
    assert all(secrets.values())
    assert output.stat().st_size > 0
    for name, secret in secrets.items():
        assert find_secret(stage.directory, secret) == [], name
