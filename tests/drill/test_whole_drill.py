"""Whole drills on the fake cloud: what they show, and that they leave nothing behind."""

from pathlib import Path

import pytest

from releve.drill.verdict import Readiness
from releve.model.observed import ScanRole
from releve.model.run import RunState
from tests.drill.controller import Drills, list_images, list_rest, make_ground
from tests.fakes.world import HOST


@pytest.mark.parametrize("twins", [1, 2])
def test_a_host_whose_playbooks_make_it_is_ready(tmp_path: Path, twins: int) -> None:
    make_ground(tmp_path)
    drills = Drills(tmp_path)
    run = drills.propose(twins=twins)
    record = drills.drive_to_end(run)
    assert record.state is RunState.DONE, record.next_action
    verdict = drills.verdict(run)
    assert verdict.readiness is Readiness.READY, verdict
    roles = {scan.role for scan in drills.outside.observed.find_scans(HOST, run_id=run.run_id)}
    second = {ScanRole.SECOND} if twins == 2 else set()
    assert roles == {ScanRole.BASE, ScanRole.TWIN, ScanRole.AGED} | second
    assert list_rest(drills) == []
    assert len(list_images(drills)) == 1
    drills.world.oracle.assert_clean(drills.cloud)
