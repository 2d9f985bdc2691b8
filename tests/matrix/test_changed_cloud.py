"""F14, F16 to F19, F21: what a step works on vanishes, breaks, sticks, doubles or is changed."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest

from releve.model.identity import instance_name, snapshot_name
from releve.model.run import RunState
from tests.fakes.cloud_state import CloudState
from tests.fakes.faults import FOREVER, Fault
from tests.fakes.world import ADDRESS, HOST
from tests.matrix.cells import Cell, read_cells
from tests.matrix.controller import HABITS, Controller
from tests.matrix.play import (
    Played,
    count_effects,
    find_new,
    own_effects,
    play,
    require_done,
    require_halted,
    resume,
)

Foreign = dict[str, Any]
MakeForeign = Callable[[Controller], Foreign]


def cells(*columns: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("cell", read_cells(*columns), ids=lambda cell: cell.name)


def foreign(call: str, **arguments: Any) -> Foreign:
    return {"call": call, "arguments": arguments}


def volume(controller: Controller, name: str = "data") -> str:
    return controller.world.volumes[name]


def delete(table: str, key: str) -> Foreign:
    return foreign("delete_resource", table=table, key=key)


VANISHES: Final[dict[str, MakeForeign]] = {
    "S03": lambda _controller: delete("images", "image-base"),
    "S04": lambda controller: delete("instances", controller.world.old),
    "S05": lambda controller: delete("volumes", volume(controller)),
    "S06": lambda controller: delete("instances", controller.world.old),
    "S07": lambda _controller: delete("networks", "private"),
    "S08": lambda _controller: delete("images", "image-base"),
    "S09": lambda controller: delete("instances", find_new(controller)),
    "S11": lambda controller: delete("volumes", volume(controller)),
    "S12": lambda controller: delete("volumes", volume(controller)),
    "S13": lambda controller: delete("volumes", volume(controller)),
    "S17": lambda _controller: delete("addresses", ADDRESS),
    "S19": lambda controller: delete("instances", controller.world.old),
}


@cells("F14")
def test_what_vanished_is_named_and_never_made_again(cell: Cell, tmp_path: Path) -> None:
    def vanish(controller: Controller) -> list[Fault]:
        call = cell.subject.act or cell.subject.look
        return [Fault(call, "foreign_first", foreign=VANISHES[cell.row](controller))]

    halted = play(tmp_path / "gone", cell.subject.step, vanish)
    require_halted(halted)
    acts = own_effects(halted.controller, cell.subject.act)
    again = resume(halted)
    require_halted(again)
    assert own_effects(again.controller, cell.subject.act) == acts
    made = own_effects(again.controller, "create_instance")
    assert len(made) <= 1, "nothing is made up for what vanished"


def breaks(cell: Cell, kind: str) -> Callable[[Controller], list[Fault]]:
    """The wait steps are tried by what they wait for, which is broken as it is asked for."""
    calls = {"S09": "create_instance", "S12": "detach_volume"}
    return lambda _controller: [Fault(calls.get(cell.row, cell.subject.act), kind)]


def armed_in(cell: Cell) -> str:
    return {"S09": "create_instance", "S12": "detach_volumes"}.get(cell.row, cell.subject.step)


@cells("F16")
def test_accepted_then_error(cell: Cell, tmp_path: Path) -> None:
    played = play(tmp_path / "error", armed_in(cell), breaks(cell, "goes_error"))
    if cell.row == "S17":  # the address fell off: putting it on again is the one replacement
        assert played.state is RunState.DONE
        return
    require_halted(played)
    require_kept(played)


@pytest.mark.parametrize("row", ["S08", "S09"])
def test_a_build_that_failed_is_put_back(row: str, tmp_path: Path) -> None:
    """Nova neither stops nor labels what never came up; it holds nothing either."""
    (cell,) = [cell for cell in read_cells("F16") if cell.row == row]
    halted = play(tmp_path / "error", armed_in(cell), breaks(cell, "goes_error"))
    require_halted(halted)
    controller = Controller(halted.controller.directory)
    assert controller.cancel().state is RunState.UNDONE
    state, world = controller.cloud.state(), controller.world
    assert state.addresses[ADDRESS].instance_id == world.old
    assert all(state.volumes[key].attached_to == [world.old] for key in world.volumes.values())
    assert state.instances[find_new(controller)].state == "ERROR"
    controller.world.oracle.assert_clean(controller.cloud)


@cells("F17")
def test_accepted_then_stuck_for_ever(cell: Cell, tmp_path: Path) -> None:
    played = play(tmp_path / "stuck", armed_in(cell), breaks(cell, "stuck"))
    require_halted(played)
    require_kept(played)


def require_kept(played: Played) -> None:
    """What was made is still there, with its labels; what was asked for was not forced."""
    state = played.controller.cloud.state()
    run = played.controller.run.run_id
    for instance in state.instances.values():
        if instance.run_that_made_it == run:
            assert instance.labels["releve.run"] == run
    made = played.controller.cloud.history()
    assert all(row.actor.name != "controller" or "force" not in row.call for row in made)


@dataclass(frozen=True)
class Partial:
    call: str
    occurrence: int = 2
    step: str = ""  # where it is met, if not in the cell's own step
    kind: str = "http_5xx"
    lifts: bool = True
    where: dict[str, str] = field(default_factory=dict)


PARTIAL: Final = {
    "S05": Partial("snapshot_volume"),
    "S06": Partial("lock_instance", occurrence=1),
    "S07": Partial("create_instance", occurrence=1, step="create_instance"),
    "S08": Partial("create_instance", occurrence=1, kind="no_network", lifts=False),
    "S09": Partial(
        "create_instance", occurrence=1, step="create_instance", kind="no_network", lifts=False
    ),
    "S11": Partial("detach_volume"),
    "S12": Partial("get_volume"),
    "S13": Partial("attach_volume"),
}


@cells("F18")
def test_partial_success_goes_on_from_the_item_that_failed(cell: Cell, tmp_path: Path) -> None:
    partial = PARTIAL[cell.row]

    def fail_later(_controller: Controller) -> list[Fault]:
        times = FOREVER if partial.lifts else 1
        return [Fault(partial.call, partial.kind, occurrence=partial.occurrence, times=times)]

    halted = play(tmp_path / "partial", partial.step or cell.subject.step, fail_later)
    require_halted(halted)
    require_kept(halted)
    if partial.lifts:
        require_done(resume(halted))


def look_alike(cell: Cell, controller: Controller) -> Foreign:
    """A second resource where the step looks for one."""
    run = controller.run
    name = instance_name(HOST, run.run_id)
    labels = {"releve.run": run.run_id, "releve.host": HOST}
    document: dict[str, Any] = {"name": name, "labels": labels}
    if cell.row == "S07":
        ports = document | {"network": "private", "address": "10.0.0.99"}
        return foreign("make_named", table="ports", document=ports)
    if cell.row == "S05":
        snapshot = {"name": snapshot_name(run.run_id), "content": "", "ready": True}
        snapshots = snapshot | {"volume_id": volume(controller)}
        return foreign("make_named", table="snapshots", document=snapshots)
    if cell.row == "S08":
        more = {"image": "image-base", "size": "small", "network": "private"}
        return foreign("make_named", table="instances", document=document | more)
    if cell.row in {"S11", "S13", "S17"}:
        return foreign("make_look_alike", table="instances", key=find_new(controller))
    return foreign("make_look_alike", table="instances", key=controller.world.old)


@cells("F19")
def test_look_alikes_are_never_chosen_between(cell: Cell, tmp_path: Path) -> None:
    """Either the run halts, or it goes on with the one whose id it has recorded."""
    strangers: dict[str, Any] = {}

    def double(controller: Controller) -> list[Fault]:
        twice = look_alike(cell, controller)
        controller.cloud.as_person(twice["call"], **twice["arguments"])
        strangers.update(strangers_in(controller.cloud.state()))
        return []

    step = "preconditions" if cell.row == "S04" else cell.subject.step
    habits = replace(HABITS, list_lag_seconds=0.0)  # the look-alikes are there at once
    played = play(tmp_path / "twins", step, double, habits=habits)
    assert strangers
    assert strangers_in(played.controller.cloud.state()) == strangers, "a look-alike was touched"
    if cell.row in {"S06", "S13", "S17", "S19"}:
        assert played.state in {RunState.DONE, RunState.NEEDS_PERSON}
    else:
        require_halted(played)
        assert re.search(r"\b[23]\b", played.record.next_action), played.record.next_action


def strangers_in(state: CloudState) -> dict[str, Any]:
    return {
        key: item
        for table in (state.instances, state.ports, state.snapshots)
        for key, item in table.items()
        if key.startswith(("twin", "stranger"))
    }


def changed_by_a_person(cell: Cell, controller: Controller) -> tuple[str, Foreign]:
    """The call before which it happens, and what somebody does to the same resource."""
    old, run = controller.world.old, controller.run.run_id
    other = {"releve.run": "someoneelse1", "releve.epoch": "9", "releve.host": HOST}
    name = instance_name(HOST, run)
    port = {"name": name, "network": "private", "address": "10.0.0.99"}
    instance = {"name": name, "image": "image-base", "size": "small", "network": "private"}
    taken = foreign("attach_at_once", volume_id=volume(controller), instance_id="stranger-9")
    return {
        "S04": ("label_instance", foreign("relabel", instance_id=old, labels=other)),
        "S05": ("snapshot_volume", taken),
        "S06": ("lock_instance", foreign("relabel", instance_id=old, labels=other)),
        "S07": ("create_port", foreign("make_named", table="ports", count=1, document=port)),
        "S08": (
            "create_instance",
            foreign("make_named", table="instances", count=1, document=instance),
        ),
        "S11": ("detach_volume", taken),
        "S13": ("attach_volume", taken),
        "S17": ("move_address", foreign("give_address", address=ADDRESS, instance_id="stranger-9")),
        "S19": ("label_instance", foreign("relabel", instance_id=old, labels=other)),
    }[cell.row]


@cells("F21")
def test_a_person_who_changed_it_meanwhile_is_respected(cell: Cell, tmp_path: Path) -> None:
    def change(controller: Controller) -> list[Fault]:
        call, act = changed_by_a_person(cell, controller)
        return [Fault(call, "foreign_first", foreign=act)]

    halted = play(tmp_path / "foreign", cell.subject.step, change)
    require_halted(halted)
    again = resume(halted)
    require_halted(again)
    assert count_effects(again.controller) == count_effects(halted.controller)
