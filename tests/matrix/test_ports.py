"""Ports: one that nobody got is deleted again; one that carries the address goes back with it."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from releve.model.identity import instance_name
from releve.model.run import RunState
from tests.fakes.faults import FOREVER, Fault, disarm_all
from tests.fakes.world import ADDRESS
from tests.matrix.controller import HABITS, Controller
from tests.matrix.play import (
    Played,
    own_effects,
    play,
    require_done,
    require_halted,
    require_order,
    require_undone,
)

LIKE_GANDI: Final = replace(HABITS, addresses_are_ports=True)


def refuse(directory: Path, step: str, call: str, kind: str = "quota") -> Played:
    """A run that waits for a person, on a cloud where the address is the old instance's port."""
    fault = Fault(call, kind, times=FOREVER)
    halted = play(directory / "run", step, lambda _controller: [fault], habits=LIKE_GANDI)
    require_halted(halted)
    disarm_all(halted.controller.cloud.file)
    return halted


def cancel(halted: Played, *faults: Fault) -> Controller:
    controller = Controller(halted.controller.directory)
    for fault in faults:
        controller.cloud.arm(fault)
    assert controller.cancel().state is RunState.UNDONE
    controller.world.oracle.assert_clean(controller.cloud)
    return controller


@pytest.mark.parametrize("kind", ["reset_done", "timeout_done", "timeout_not_done", "busy"])
def test_the_port_of_a_refused_create_is_deleted(kind: str, tmp_path: Path) -> None:
    halted = refuse(tmp_path, "create_instance", "create_instance")
    assert len(halted.controller.cloud.state().ports) == 1
    controller = cancel(halted, Fault("delete_port", kind))
    assert controller.cloud.state().ports == {}
    require_undone(controller)


def test_the_port_of_a_failed_build_is_deleted(tmp_path: Path) -> None:
    def fail_to_build(_controller: Controller) -> list[Fault]:
        return [Fault("create_instance", "goes_error")]

    halted = play(tmp_path / "run", "create_instance", fail_to_build)
    require_halted(halted)
    assert cancel(halted).cloud.state().ports == {}


def test_the_port_of_a_kept_instance_stays(tmp_path: Path) -> None:
    controller = cancel(refuse(tmp_path, "attach_volumes", "attach_volume"))
    (port,) = controller.cloud.state().ports.values()
    assert controller.cloud.state().instances[port.instance_id].labels["releve.role"] == "discarded"


def test_a_port_of_this_name_that_is_not_the_run_s_is_kept(tmp_path: Path) -> None:
    halted = refuse(tmp_path, "reserve_port", "create_port")
    run = halted.record.input
    name = instance_name(run.host, run.run_id)
    port = {"name": name, "network": "private", "address": "10.0.0.99"}
    halted.controller.cloud.as_person("make_named", table="ports", count=1, document=port)
    assert [item.name for item in cancel(halted).cloud.state().ports.values()] == [name]


def test_an_address_with_its_port_moves(tmp_path: Path) -> None:
    played = play(tmp_path / "run", "cut_over", lambda _controller: [], habits=LIKE_GANDI)
    require_done(played)
    state = played.controller.cloud.state()
    assert not state.instances[played.controller.world.old].networked


@pytest.mark.parametrize("kind", ["", "reset_done", "timeout_not_done", "busy"])
def test_after_the_cutover_it_goes_back_to_an_instance_without_another(
    kind: str, tmp_path: Path
) -> None:
    halted = refuse(tmp_path, "quarantine", "label_instance")
    world = halted.controller.world
    assert not halted.controller.cloud.state().instances[world.old].networked
    controller = cancel(halted, *([Fault("move_address", kind)] if kind else []))
    require_undone(controller)
    old = controller.cloud.state().instances[world.old]
    assert (old.state, old.networked, old.locked) == ("RUNNING", True, False)
    moves = own_effects(controller, "move_address")
    assert [row.arguments["instance_id"] == world.old for row in moves] == [False, True]
    starts = own_effects(controller, "start_instance")
    assert [row.seq > moves[-1].seq for row in starts] == [True]


def test_one_that_somebody_else_took_is_left_to_a_person(tmp_path: Path) -> None:
    halted = refuse(tmp_path, "quarantine", "label_instance")
    cloud = halted.controller.cloud
    cloud.as_person("add_old_instance", name="stranger")
    (stranger,) = [key for key, item in cloud.state().instances.items() if item.name == "stranger"]
    cloud.as_person("give_address", address=ADDRESS, instance_id=stranger)
    controller = Controller(halted.controller.directory)
    record = controller.cancel()
    assert record.state is RunState.NEEDS_PERSON
    assert stranger in record.next_action
    assert cloud.state().addresses[ADDRESS].instance_id == stranger
    require_order(controller, record, earlier=halted)
