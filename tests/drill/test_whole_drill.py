"""Whole drills on the fake cloud: what they show, and that they leave nothing behind."""

from pathlib import Path

import pytest

from releve.adapters.store import open_store
from releve.drill.verdict import Readiness
from releve.model.observed import ScanRole
from releve.model.run import RunState
from releve.recovery.recover import make_drills_yield, require_no_open_run
from releve.workflow.run_driver import name_host_lease
from tests.drill.controller import Drills, list_images, list_rest, make_ground
from tests.fakes.faults import Fault
from tests.fakes.world import HOST
from tests.matrix.controller import HABITS


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


def test_a_cloud_whose_lists_lag_is_no_other(tmp_path: Path) -> None:
    make_ground(tmp_path, habits=HABITS, drill="{volumes: clone}")
    drills = Drills(tmp_path, settle_seconds=HABITS.settle_seconds)
    run = drills.propose(twins=2)
    record = drills.drive_to_end(run)
    assert record.state is RunState.DONE, record.next_action
    assert drills.verdict(run).readiness is Readiness.READY
    assert list_rest(drills) == []
    drills.world.oracle.assert_clean(drills.cloud)


def test_nothing_of_production_is_changed(tmp_path: Path) -> None:
    make_ground(tmp_path, drill="{volumes: clone}")
    drills = Drills(tmp_path)
    before = drills.cloud.state()
    drills.drive_to_end(drills.propose())
    after = drills.cloud.state()
    assert after.instances == before.instances
    assert after.addresses == before.addresses
    assert {key: after.volumes[key] for key in before.volumes} == before.volumes


def test_a_playbook_that_fails_is_told_and_cleaned_up(tmp_path: Path) -> None:
    make_ground(tmp_path)
    drills = Drills(tmp_path)
    drills.cloud.arm(Fault("converge", "failed"))
    run = drills.propose(twins=2)
    record = drills.drive_to_end(run)
    assert record.state is RunState.DONE, record.next_action
    verdict = drills.verdict(run)
    assert verdict.readiness is Readiness.NOT_READY
    assert verdict.reasons == (
        "the playbook failed at task 'Write the site' (site.yml:2): no space left on device",
    )
    assert list_rest(drills) == []
    assert list_images(drills) == []


def test_a_second_converge_that_changes_is_told_with_its_tasks(tmp_path: Path) -> None:
    make_ground(tmp_path)
    drills = Drills(tmp_path, always_changes=True)
    run = drills.propose()
    assert drills.drive_to_end(run).state is RunState.DONE
    verdict = drills.verdict(run)
    assert verdict.readiness is Readiness.NOT_READY
    assert verdict.reasons[0].startswith(
        "the second converge changed 3 task(s) again: 'Install nginx' (site.yml:1), "
    )


@pytest.mark.parametrize(
    ("volumes", "readiness"), [("clone", Readiness.NOT_READY), ("empty", Readiness.READY)]
)
def test_a_check_that_fails_speaks_against_the_host_only_where_its_data_is_there(
    tmp_path: Path, volumes: str, readiness: Readiness
) -> None:
    make_ground(tmp_path, drill=f"{{volumes: {volumes}}}")
    drills = Drills(tmp_path)
    drills.cloud.arm(Fault("check", "not_passed", times=1000))
    run = drills.propose(image=False)
    assert drills.drive_to_end(run).state is RunState.DONE
    verdict = drills.verdict(run)
    assert verdict.readiness is readiness
    told = verdict.reasons if volumes == "clone" else verdict.notes
    assert any("status 500, wanted 200" in sentence for sentence in told)
    assert list_rest(drills) == []
    assert list_images(drills) == []


def test_a_provider_that_fails_ends_the_drill_cleaned_up_and_undecided(tmp_path: Path) -> None:
    make_ground(tmp_path)
    drills = Drills(tmp_path)
    run = drills.propose()
    drills.cloud.as_person("add_offer", quota={"volumes": 4})
    record = drills.drive_to_end(run)
    assert record.state is RunState.UNDONE, record.next_action
    verdict = drills.verdict(run)
    assert verdict.readiness is Readiness.UNKNOWN
    assert "the quota of volumes is used up" in verdict.reasons[0]
    assert list_rest(drills) == []


def test_a_drill_begins_not_while_the_host_is_recovered(tmp_path: Path) -> None:
    make_ground(tmp_path)
    drills = Drills(tmp_path)
    recovery = drills.propose_recovery()
    run = drills.propose()
    record = drills.drive_to_end(run)
    assert record.state is RunState.CANCELLED
    assert any(
        f"run {recovery.run_id} recovers {HOST}" in event.text for event in drills.events(run)
    )


def test_a_recovery_begins_while_a_drill_is_under_way(tmp_path: Path) -> None:
    """They hold different leases, and the recovery asks the drill to go out of its way."""
    make_ground(tmp_path)
    drills = Drills(tmp_path)
    drill = drills.propose()
    drills.outside.lease.hold((f"run {drill.run_id}", name_host_lease(drill)))
    require_no_open_run(HOST, journal=drills.journal)
    recovery = drills.propose_recovery()
    make_drills_yield(HOST, journal=drills.journal)
    other, lease = open_store(tmp_path / "state")
    lease.hold((f"run {recovery.run_id}", name_host_lease(recovery)))
    assert other.read_run(drill.run_id).cancel_requested
    assert not other.read_run(recovery.run_id).cancel_requested


def test_each_drill_leaves_one_image_and_the_older_one_goes(tmp_path: Path) -> None:
    make_ground(tmp_path)
    drills = Drills(tmp_path)
    drills.drive_to_end(drills.propose())
    (first,) = list_images(drills)
    run = drills.propose()
    drills.drive_to_end(run)
    (second,) = list_images(drills)
    assert first != second
    assert drills.output(run, "conclude")["retired"] != []
    drills.world.oracle.assert_clean(drills.cloud)
