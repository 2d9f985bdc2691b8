"""A recovery from the image that the last drill left, on the fake cloud."""

from dataclasses import replace
from pathlib import Path

import pytest

from releve.model.observed import ScanRole
from releve.model.run import Mode, Output, RunInput, RunState
from tests.drill.controller import LIKE_LXD, Drills, list_images, make_ground
from tests.fakes.faults import Fault, arm
from tests.fakes.world import ADDRESS, HOST


@pytest.fixture
def drilled(tmp_path: Path) -> Path:
    make_ground(tmp_path)
    drills = Drills(tmp_path)
    assert drills.drive_to_end(drills.propose()).state is RunState.DONE
    return tmp_path


def recover(drills: Drills) -> RunInput:
    run = drills.propose_recovery()
    record = drills.drive(run)
    assert record.state is RunState.DONE, record.next_action
    new = drills.output(run, "create_instance")["instance_id"]
    state = drills.cloud.state()
    assert state.addresses[ADDRESS].instance_id == new
    assert all(volume.mounted_on == new for volume in state.volumes.values())
    drills.world.oracle.assert_clean(drills.cloud)
    return run


def count_converges(drills: Drills, run: RunInput) -> int:
    new = drills.output(run, "create_instance")["instance_id"]
    rows = [row for row in drills.cloud.history() if row.call == "converge"]
    return sum(row.arguments["instance_id"] == new for row in rows)


def change_plan(drills: Drills, old: str, new: str) -> None:
    plan = drills.repository / "releve.yml"
    text = plan.read_text()
    assert old in text
    plan.write_text(text.replace(old, new))


def proof(drills: Drills, run: RunInput) -> Output:
    return drills.output(run, "prove_image")


def test_the_image_serves_without_a_converge_and_is_proven(drilled: Path) -> None:
    drills = Drills(drilled)
    run = recover(drills)
    assert run.options["image"]["run_id"] == drills.newest(Mode.DRILL).run_id
    assert count_converges(drills, run) == 0
    assert proof(drills, run)["proven"] is True
    (scan,) = drills.outside.observed.find_scans(HOST, role=ScanRole.RECOVERED)
    assert scan.run_id == run.run_id


def test_data_of_an_account_numbered_otherwise_is_converged_before_it_serves(
    drilled: Path,
) -> None:
    drills = Drills(drilled)
    volume = next(iter(drills.cloud.state().volumes))
    drills.cloud.as_person("change_owner", volume_id=volume, owner="102:108")
    run = recover(drills)
    assert count_converges(drills, run) == 1
    assert "belongs to 102:108, in the drill to 964:964" in drills.reason(run, "converge")


def test_an_image_that_fails_the_checks_is_converged_before_it_serves(drilled: Path) -> None:
    drills = Drills(drilled)
    failing = Fault(
        "check", "not_passed", where={"vantage": "instance"}, times=33
    )  # 31 in half a minute
    arm(drills.cloud.file, failing)
    run = recover(drills)
    assert count_converges(drills, run) == 1
    assert drills.output(run, "verify")["checks"]


def test_its_volumes_are_there_before_it_boots(drilled: Path) -> None:
    drills = Drills(drilled)
    new = drills.output(recover(drills), "create_instance")["instance_id"]
    calls = [
        row.call
        for row in drills.cloud.history()
        if row.arguments.get("instance_id") == new
        and row.call in {"attach_volume", "start_instance"}
    ]
    assert calls == ["attach_volume"] * 3 + ["start_instance"]


def test_with_start_the_playbook_runs_on_it(drilled: Path) -> None:
    drills = Drills(drilled)
    plan = drills.repository / "releve.yml"
    plan.write_text(plan.read_text() + "    drill: {image: start}\n")
    run = recover(drills)
    assert run.options["image"]
    assert count_converges(drills, run) == 1


def test_with_never_the_base_image_is_used(drilled: Path) -> None:
    drills = Drills(drilled)
    plan = drills.repository / "releve.yml"
    plan.write_text(plan.read_text() + "    drill: {image: never}\n")
    run = recover(drills)
    assert not run.options["image"]
    assert "prove_image" not in run.steps


@pytest.mark.parametrize("path", ["site.yml", "hosts.yml", "group_vars/all.yml"])
def test_what_the_playbooks_read_must_be_unchanged(drilled: Path, path: str) -> None:
    drills = Drills(drilled)
    changed = drills.repository / path
    changed.parent.mkdir(exist_ok=True)
    with changed.open("a") as file:
        file.write("# changed\n")
    assert not recover(drills).options["image"]


def test_another_base_image_makes_it_unfit(drilled: Path) -> None:
    drills = Drills(drilled)
    drills.cloud.as_person("add_offer", images={"image-newer": "newer"})
    change_plan(drills, "image: base", "image: newer")
    assert not recover(drills).options["image"]


def test_another_check_leaves_it_fit(drilled: Path) -> None:
    drills = Drills(drilled)
    change_plan(drills, "- unit: nginx.service", "- unit: nginx.service\n      - tcp: 443")
    (drills.repository / "README.md").write_text("how we work\n")
    run = recover(drills)
    assert run.options["image"]
    assert count_converges(drills, run) == 0


def test_an_image_that_was_tampered_with_is_converged_and_told(drilled: Path) -> None:
    drills = Drills(drilled)
    (image,) = list_images(drills)
    drills.cloud.as_person("spoil_image", image_id=image, content="|backdoor")
    run = recover(drills)
    assert count_converges(drills, run) == 1
    assert proof(drills, run)["differences"] == ["cron root backdoor extra"]
    assert drills.output(run, "verify_converged")["checks"]


def test_an_image_that_is_gone_leaves_the_base_image(drilled: Path) -> None:
    drills = Drills(drilled)
    run = drills.propose_recovery()
    (image,) = list_images(drills)
    drills.cloud.as_person("delete_resource", table="captures", key=image)
    assert drills.drive(run).state is RunState.DONE
    assert count_converges(drills, run) == 1
    assert "base image" in drills.reason(run, "converge")


def test_a_lost_scan_of_the_twin_is_no_proof(drilled: Path) -> None:
    drills = Drills(drilled)
    (twin,) = drills.outside.observed.find_scans(HOST, role=ScanRole.TWIN)
    drills.outside.observed.delete_scan(twin.scan_id)
    run = recover(drills)
    assert proof(drills, run)["proven"] is False
    assert count_converges(drills, run) == 1


def test_where_volumes_are_mounted_after_the_boot_the_playbook_runs(tmp_path: Path) -> None:
    """The services that started without their data are started by it."""
    make_ground(tmp_path, habits=replace(LIKE_LXD, mounts_volumes=False))
    drills = Drills(tmp_path)
    drills.drive_to_end(drills.propose())
    run = recover(drills)
    assert run.options["image"]
    assert count_converges(drills, run) == 1


def test_a_drill_that_was_undone_leaves_nothing_to_start_from(tmp_path: Path) -> None:
    make_ground(tmp_path)
    drills = Drills(tmp_path)
    drills.drive_to_end(drills.propose())
    drill = drills.propose(twins=2)
    drills.cloud.as_person("add_offer", quota={"volumes": 6})
    assert drills.drive_to_end(drill).state is RunState.UNDONE
    first = drills.journal.list_runs(host=HOST)[1].input
    assert drills.propose_recovery().options["image"]["run_id"] == first.run_id
