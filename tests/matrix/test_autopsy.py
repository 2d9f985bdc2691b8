"""An autopsy on the fake cloud: what it finds, and that no fault of it undoes a recovery."""

from dataclasses import replace
from pathlib import Path

import pytest

from releve.errors import PlanError
from releve.model.run import RunState
from releve.recovery.look_back import propose_autopsy
from releve.recovery.recover import catalogue_of
from releve.recovery.report.of_run import read_report
from releve.recovery.report.types import Act, Outcome
from releve.workflow.step import FAILED
from tests.fakes.faults import FOREVER, Fault, disarm_all
from tests.matrix.autopsy import outputs, require_autopsy_done, require_nothing_left, roles
from tests.matrix.controller import HABITS, Controller, make_run
from tests.matrix.play import Arming, MakeFaults, Played, require_order

ACTS = {
    "autopsy_helper": "create_instance",
    "autopsy_attach": "attach_system_disk",
    "autopsy_clean": "detach_system_disk",
}


def play(directory: Path, step: str, make_faults: MakeFaults) -> Controller:
    """A recovery with its autopsy, and these faults from the beginning of that step on."""
    make_run(directory, autopsy=True)
    arming = Arming(step, make_faults)
    controller = Controller(directory, strike=arming)
    arming.controller = controller
    record = controller.drive()
    assert arming.armed
    require_order(controller, record)
    assert record.state is RunState.DONE, record.next_action
    return controller


def test_a_disk_that_only_a_helper_sees_is_mounted_and_read_there(tmp_path: Path) -> None:
    """As on OpenStack: the helper gets a copy as a block device; nobody has a checksum."""
    make_run(tmp_path, habits=replace(HABITS, shows_disks=False), autopsy=True)
    controller = Controller(tmp_path)
    assert controller.drive().state is RunState.DONE
    require_nothing_left(controller)
    made = outputs(controller)
    assert not [step for step, output in made.items() if output.get(FAILED)]
    assert (made["autopsy_compare"]["missing"], made["autopsy_compare"]["changed"]) == (1, 0)
    assert made["autopsy_disk"]["superblock"] == {}
    assert made["autopsy_attach"]["filesystem"] == "ext4"
    assert "only a helper sees its bytes" in made["autopsy_proof"]["why"]
    report = read_report(controller.journal, controller.run.run_id)
    assert report.autopsy is not None
    assert report.autopsy.disk is not None
    assert report.autopsy.disk.filesystem == "ext4"


@pytest.fixture
def done(tmp_path: Path) -> Controller:
    return play(tmp_path, "autopsy_disk", lambda _: [])


def test_a_recovery_ends_with_the_answer_in_its_report(done: Controller) -> None:
    require_autopsy_done(done)
    report = read_report(done.journal, done.run.run_id)
    assert report.outcome is Outcome.RECOVERED
    assert report.autopsy is not None
    assert report.autopsy.recount is not None
    assert (report.autopsy.recount.missing, len(report.autopsy.recount.findings)) == (1, 1)
    assert report.autopsy.disk is not None
    assert report.autopsy.disk.is_proven_unchanged
    assert report.autopsy.words is not None
    assert report.autopsy.words.kernel
    assert Act.CODIFY in report.acts


@pytest.mark.parametrize("kind", ["timeout_done", "timeout_not_done", "busy", "stale_list"])
@pytest.mark.parametrize("step", ACTS)
def test_an_act_that_fails_once_is_adopted_or_sent_again(
    tmp_path: Path, step: str, kind: str
) -> None:
    require_autopsy_done(play(tmp_path, step, lambda _: [Fault(ACTS[step], kind)]))


@pytest.mark.parametrize(
    ("step", "call"),
    [
        ("autopsy_disk", "read_system_disk"),
        ("autopsy_helper", "create_instance"),
        ("autopsy_attach", "attach_system_disk"),
    ],
)
def test_an_autopsy_that_cannot_be_made_leaves_the_recovery_done(
    tmp_path: Path, step: str, call: str
) -> None:
    controller = play(tmp_path, step, lambda _: [Fault(call, "quota", times=FOREVER)])
    require_nothing_left(controller)
    assert outputs(controller)[step][FAILED]
    record = controller.journal.read_run(controller.run.run_id)
    assert step in record.next_action
    report = read_report(controller.journal, controller.run.run_id)
    assert Act.REPEAT_AUTOPSY in report.acts
    disarm_all(controller.cloud.file)
    repeat(controller)
    require_nothing_left(controller)


def test_a_helper_that_lets_nobody_in_is_removed_all_the_same(tmp_path: Path) -> None:
    controller = play(
        tmp_path, "autopsy_helper", lambda _: [Fault("ssh", "login_refused", times=FOREVER)]
    )
    require_nothing_left(controller)
    failed = {step for step, output in outputs(controller).items() if output.get(FAILED)}
    assert {"autopsy_helper", "autopsy_attach", "autopsy_scan", "autopsy_compare"} <= failed


def test_an_old_instance_that_was_started_is_not_read(tmp_path: Path) -> None:
    def start_old(controller: Controller) -> list[Fault]:
        foreign = {"call": "start_by_hand", "arguments": {"instance_id": controller.world.old}}
        return [Fault("attach_system_disk", "foreign_first", foreign=foreign)]

    controller = play(tmp_path, "autopsy_attach", start_old)
    assert outputs(controller)["autopsy_attach"][FAILED]
    assert not controller.cloud.state().instances[controller.world.old].root_shown_to
    assert "helper" not in roles(controller)


def repeat(controller: Controller) -> Played:
    record = controller.journal.read_run(controller.run.run_id)
    run = propose_autopsy(record, journal=controller.journal, clock=controller.clock)
    assert run.epoch > record.input.epoch
    controller.journal.open_run(run)
    again = Controller(controller.directory)  # of the newest run
    return Played(again, again.drive())


def test_it_can_be_repeated_by_a_run_of_its_own(done: Controller) -> None:
    again = repeat(done)
    assert again.state is RunState.DONE
    assert set(outputs(again.controller)) == set(again.record.input.steps)
    require_nothing_left(again.controller)
    for run_id in (done.run.run_id, again.record.input.run_id):
        report = read_report(done.journal, run_id)
        assert report.run.run_id == done.run.run_id, "it is told in the recovery's report"
        assert report.autopsy is not None
        assert report.autopsy.run_id == again.record.input.run_id
        assert report.outcome is Outcome.RECOVERED


def test_only_a_done_recovery_can_be_looked_back_at(done: Controller, tmp_path: Path) -> None:
    again = repeat(done)
    with pytest.raises(PlanError, match="no recovery"):
        propose_autopsy(again.record, journal=done.journal, clock=done.clock)
    make_run(tmp_path / "open", autopsy=True)
    controller = Controller(tmp_path / "open")
    record = controller.journal.read_run(controller.run.run_id)
    with pytest.raises(PlanError, match="not DONE"):
        propose_autopsy(record, journal=controller.journal, clock=controller.clock)


def test_the_steps_of_each_list_are_in_their_catalogue(done: Controller) -> None:
    again = repeat(done)
    for run in (done.run, again.record.input):
        assert set(run.steps) <= set(catalogue_of(run))
