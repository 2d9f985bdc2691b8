"""The report of runs that the real steps and the real engine carried out, on the fake cloud."""

from dataclasses import replace
from pathlib import Path

import pytest

from releve.model.run import Phase, RunState
from releve.recovery.catalogue import undo_steps
from releve.recovery.report.build import build_report
from releve.recovery.report.of_run import PHASES, write_run_report
from releve.recovery.report.types import Act, Outcome, Report
from releve.workflow.hooks import Strike
from tests.crash.harness import Kill, Point, live_once
from tests.fakes.world import ADDRESS, HOST, MOUNTS, OLD_NAME
from tests.matrix.controller import Controller, make_run


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    make_run(tmp_path)
    return Controller(tmp_path)


def report_by_the_fake_clock(controller: Controller) -> Report:
    """The journal's own times are real ones, while the steps here live by a clock of the test."""
    events = [event for event in controller.events() if event.step]
    times = [event.at for event in events]
    record = controller.journal.read_run(controller.run.run_id)
    record = replace(record, started_at=min(times), ended_at=max(times))
    tasks = controller.journal.read_tasks(controller.run.run_id)
    return build_report(record, events, tasks, phases=PHASES)


def test_recovered_run_is_told_whole(controller: Controller) -> None:
    assert controller.drive().state is RunState.DONE
    report = report_by_the_fake_clock(controller)
    assert report.outcome is Outcome.RECOVERED
    assert report.halt is None
    assert report.verdict
    moves = report.moves
    assert moves.old_instance is not None
    assert moves.new_instance is not None
    assert moves.address is not None
    assert moves.quarantine is not None
    assert moves.old_instance.name == moves.quarantine.instance.name == OLD_NAME
    assert moves.new_instance.name.endswith(controller.run.run_id)
    assert (moves.address.address, moves.address.moved) == (ADDRESS, True)
    assert {volume.name: volume.mount_point for volume in moves.volumes} == dict(MOUNTS)
    assert all(volume.moved and volume.size_bytes for volume in moves.volumes)
    assert moves.quarantine.expires is not None
    assert [check.outside and check.outside.passed for check in report.checks].count(True) > 0
    assert report.ansible is not None
    assert report.ansible.succeeded
    steps = {step.name for phase in report.timing.phases for step in phase.steps}
    assert steps == set(controller.run.steps)
    assert report.timing.back_after_seconds is not None
    assert 0 < report.timing.back_after_seconds <= report.timing.seconds


def test_run_in_one_life_has_no_interruption(controller: Controller) -> None:
    controller.drive()
    assert report_by_the_fake_clock(controller).timing.interruptions == ()


def test_halted_run_names_its_step(controller: Controller) -> None:
    controller.cloud.as_person("delete_resource", table="images", key="image-base")
    assert controller.drive().state is RunState.NEEDS_PERSON
    report = report_by_the_fake_clock(controller)
    assert report.halt is not None
    assert report.halt.step == "preconditions"
    assert report.halt.remedy
    assert report.acts == (Act.RESUME, Act.CANCEL)


def test_undone_run_tells_its_undo(controller: Controller) -> None:
    kill = Kill(Point("attach_volumes", "after_effect"))
    assert live_once(drive, controller.directory, kill=kill).killed
    controller = Controller(controller.directory)
    assert controller.cancel().state is RunState.UNDONE
    report = report_by_the_fake_clock(controller)
    assert report.outcome is Outcome.UNDONE
    assert report.acts == (Act.PROPOSE_AGAIN,)
    undo = next(bar for bar in report.timing.phases if bar.phase is Phase.UNDO)
    assert {step.name for step in undo.steps} == set(undo_steps())


def drive(directory: Path, strike: Strike) -> str:
    return Controller(directory, strike=strike).drive().state


def test_report_of_the_journal_is_written(controller: Controller, tmp_path: Path) -> None:
    controller.drive()
    paths = write_run_report(
        controller.journal, controller.run.run_id, directory=tmp_path / "reports", language="fr"
    )
    assert f"{HOST} est de nouveau en service" in paths.html.read_text()
    assert [bar.phase for bar in report_by_the_fake_clock(controller).timing.phases] == [
        phase for phase in Phase if phase not in {Phase.AUTOPSY, Phase.UNDO, Phase.STUDY}
    ]
