"""Plays one scenario: a recovery, a fault in one step, and what must hold however it ends."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from releve.model.run import RunRecord, RunState
from tests.fakes.cloud_file import HistoryRow
from tests.fakes.cloud_state import Habits
from tests.fakes.faults import CANARY, Fault, count_fired, disarm_all
from tests.fakes.world import ADDRESS
from tests.matrix.controller import HABITS, Controller, make_run
from tests.oracle.canaries import find_secret
from tests.oracle.evidence import is_own_effect
from tests.oracle.oracle import check_run

MakeFaults = Callable[[Controller], Iterable[Fault]]


@dataclass(frozen=True)
class Played:
    controller: Controller
    record: RunRecord

    @property
    def state(self) -> RunState:
        return self.record.state


class Arming:
    """Arms the faults when their step begins for the first time, and only then."""

    def __init__(self, step: str, make_faults: MakeFaults) -> None:
        self.controller: Controller | None = None
        self._step = step
        self._make_faults = make_faults
        self.armed = False
        self.faults: list[Fault] = []

    def __call__(self, step: str, instant: str) -> None:
        if (step, instant) == (self._step, "before_intent") and not self.armed:
            assert self.controller is not None
            self.armed = True
            self.faults = list(self._make_faults(self.controller))
            for fault in self.faults:
                self.controller.cloud.arm(fault)


def play(directory: Path, step: str, make_faults: MakeFaults, *, habits: Habits = HABITS) -> Played:
    """One life of a recovery with these faults in this step; they must have been met."""
    directory.mkdir()
    make_run(directory, habits=habits)
    arming = Arming(step, make_faults)
    controller = Controller(directory, strike=arming, settle_seconds=habits.settle_seconds)
    arming.controller = controller
    record = controller.drive()
    assert arming.armed, f"{step} never began"
    assert not arming.faults or count_fired(controller.cloud.file), f"no fault was met in {step}"
    require_order(controller, record)
    return Played(controller, record)


def resume(played: Played, *, lift: bool = True) -> Played:
    """Another life, once a person has put right what was wrong; or not."""
    if lift:
        disarm_all(played.controller.cloud.file)
    controller = Controller(played.controller.directory)
    record = controller.drive()
    require_order(controller, record, earlier=played)
    return Played(controller, record)


def require_order(
    controller: Controller, record: RunRecord, *, earlier: Played | None = None
) -> None:
    """What holds at every end of every life."""
    controller.world.oracle.assert_clean(controller.cloud)
    before = earlier.controller.journal.read_events(record.input.run_id) if earlier else ()
    assert check_run(record, controller.events(), earlier=before) == []
    assert find_secret(controller.directory / "state", CANARY) == []


def require_done(played: Played) -> None:
    """The host is whole on its new instance, the old one in quarantine, each effect made once."""
    assert played.state is RunState.DONE, played.record.next_action
    controller = played.controller
    state = controller.cloud.state()
    new = find_new(controller)
    assert state.instances[new].state == "RUNNING"
    assert state.instances[new].labels["releve.role"] == "active"
    assert state.addresses[ADDRESS].instance_id == new
    for volume in controller.world.volumes.values():
        assert state.volumes[volume].attached_to == [new]
        assert state.volumes[volume].mounted_on == new
    ports = Counter({"create_port candidate": int(not state.habits.has_ports)})
    assert count_effects(controller) == EFFECTS - ports
    controller.cloud.note("closed", {"run": controller.run.run_id}, kind="closed")
    controller.world.oracle.assert_clean(controller.cloud)


def require_halted(played: Played) -> None:
    assert played.state is RunState.NEEDS_PERSON, played.record.next_action
    assert f"releve resume {played.record.input.run_id}" in played.record.next_action


def require_undone(controller: Controller) -> None:
    """All is where it was, byte by byte; what the run made is off and labelled as discarded."""
    state, world = controller.cloud.state(), controller.world
    assert state.addresses[ADDRESS].instance_id == world.old
    for volume in world.volumes.values():
        assert state.volumes[volume].attached_to == [world.old]
    for key, instance in state.instances.items():
        if instance.run_that_made_it == controller.run.run_id:
            assert instance.state == "STOPPED", key
            assert instance.labels["releve.role"] == "discarded"
    assert all(port.instance_id for port in state.ports.values()), "a port is left over"


def contents(controller: Controller) -> dict[str, str]:
    state = controller.cloud.state()
    return {key: state.volumes[key].sha256 for key in controller.world.volumes.values()}


def find_new(controller: Controller) -> str:
    run = controller.run.run_id
    instances = controller.cloud.state().instances.values()
    (new,) = [item.id for item in instances if item.run_that_made_it == run]
    return new


def count_effects(controller: Controller) -> Counter[str]:
    rows = [row for row in controller.cloud.history() if is_own_effect(row)]
    return Counter(_name_effect(controller, row) for row in rows)


def own_effects(controller: Controller, call: str) -> list[HistoryRow]:
    history = controller.cloud.history()
    return [row for row in history if is_own_effect(row) and row.call == call]


def _name_effect(controller: Controller, row: HistoryRow) -> str:
    names = {key: name for name, key in controller.world.volumes.items()}
    names[controller.world.old] = "old"
    about = [row.arguments.get(key, "") for key in ("volume_id", "instance_id")]
    role = row.arguments.get("labels", {}).get("releve.role", "")
    words = [names.get(item, "new" if item else "") for item in about]
    return " ".join(word for word in (row.call, *words, role) if word)


EFFECTS: Final = Counter(
    {
        "label_instance old active": 1,
        "stop_instance old": 1,
        "lock_instance old": 1,
        "isolate_instance old": 1,
        "create_port candidate": 1,
        "create_instance candidate": 1,
        **{
            effect: 1
            for name in ("data", "backup", "media")
            for effect in (
                f"snapshot_volume {name} active",
                f"detach_volume {name} old",
                f"attach_volume {name} new",
            )
        },
        "move_address new": 1,
        "label_instance old quarantined": 1,
        "label_instance new active": 1,
    }
)
