"""The engine with dbos and the journal as they are; only the effects are lines in files."""

import json
import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from releve.errors import PlanError, RunHeld, StepHalted
from releve.model.run import EventKind, RunInput, RunRecord, RunState
from releve.ports.outside import Outside
from releve.workflow.engine import Engine, EngineSettings
from releve.workflow.observer import Observer
from releve.workflow.patience import Patience
from releve.workflow.step import Done, Pending, Sight, Step, StepContext
from tests.workflow.toy import LIST, ToyStep, count_effects, toy_catalogue, toy_outside, toy_run

ONE_EACH = dict.fromkeys(sorted(LIST), 1)


class Mended(ToyStep):
    """Halts until a person has put a file there."""

    def look(self, context: StepContext) -> Sight:
        if not (self._effects.parent.parent / "mended").exists():
            raise StepHalted("task nginx failed", why="no such package", remedy="Mend the playbook")
        return super().look(context)


class Waits(ToyStep):
    """Acts, then is on its way until a file is there."""

    def look(self, context: StepContext) -> Sight:
        if self.count() and not (self._effects.parent.parent / "go").exists():
            return Pending("it is on its way")
        return super().look(context)


class Theatre:
    """One directory with a run in it, and its processes' engines."""

    def __init__(self, directory: Path, *, database_url: str = "") -> None:
        self.directory = directory
        self.database_url = database_url
        self.outside: Outside = toy_outside(directory, database_url=database_url)
        self.catalogue: dict[str, Step] = toy_catalogue(directory)

    def put(self, kind: type[ToyStep], name: str) -> None:
        needs = self.catalogue[name].needs
        self.catalogue[name] = kind(name, needs=needs, effects=self.directory / "effects")

    def engine(self, observer: Observer | None = None) -> Engine:
        settings = EngineSettings(
            self.directory / "state",
            database_url=self.database_url,
            patience=Patience(),
            observer=observer or Observer(),
        )
        return Engine(self.outside, self.catalogue, settings)

    def drive(self, run: RunInput | None = None) -> RunRecord:
        return self.engine().drive(run or toy_run())

    def done(self, run_id: str = "toyrun") -> list[str]:
        events = self.outside.journal.read_events(run_id)
        return [event.step for event in events if event.kind is EventKind.DONE]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def theatre(request: pytest.FixtureRequest, tmp_path: Path) -> Theatre:
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    return Theatre(tmp_path, database_url=url)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path)


def test_a_run_is_driven_to_its_end(theatre: Theatre) -> None:
    record = theatre.drive()
    assert record.state is RunState.DONE
    assert record.ended_at is not None
    assert "`releve runs show toyrun`" in record.next_action
    assert count_effects(theatre.directory) == ONE_EACH
    assert sorted(theatre.done()) == sorted(LIST)


def test_driving_a_run_that_is_over_changes_nothing(theatre: Theatre) -> None:
    theatre.drive()
    before = theatre.outside.journal.read_events("toyrun")
    assert theatre.drive().state is RunState.DONE
    assert theatre.outside.journal.read_events("toyrun") == before


def test_a_halt_needs_a_person_then_the_run_goes_on_from_there(theatre: Theatre) -> None:
    theatre.put(Mended, "move")
    record = theatre.drive()
    assert record.state is RunState.NEEDS_PERSON
    assert record.next_action == (
        "move: task nginx failed: no such package. Mend the playbook, then `releve resume toyrun`"
    )
    assert theatre.drive().state is RunState.NEEDS_PERSON
    (theatre.directory / "mended").touch()
    assert theatre.drive().state is RunState.DONE
    assert count_effects(theatre.directory) == ONE_EACH
    assert sorted(theatre.done()) == sorted(LIST)  # none of them a second time


def test_a_halt_lets_the_other_branch_finish_and_keeps_it(theatre: Theatre) -> None:
    theatre.put(Mended, "fence")
    theatre.put(Waits, "create")
    letting_go = threading.Timer(0.5, (theatre.directory / "go").touch)
    letting_go.start()
    assert theatre.drive().state is RunState.NEEDS_PERSON
    assert theatre.done() == ["alpha", "create"]
    (theatre.directory / "mended").touch()
    assert theatre.drive().state is RunState.DONE
    assert count_effects(theatre.directory) == ONE_EACH
    assert theatre.done().count("create") == 1


def test_a_defect_in_a_step_needs_a_person_too(on_sqlite: Theatre) -> None:
    class Broken(ToyStep):
        def act(self, context: StepContext) -> Sight:
            raise KeyError(context.run.host)

    on_sqlite.put(Broken, "create")
    record = on_sqlite.drive()
    assert record.state is RunState.NEEDS_PERSON
    assert "defect of Relève: KeyError" in record.next_action
    on_sqlite.put(ToyStep, "create")
    assert on_sqlite.drive().state is RunState.DONE


def test_a_cancel_stops_at_a_safe_point_and_the_undo_ends_it(theatre: Theatre) -> None:
    theatre.put(Waits, "create")
    cancelling = threading.Timer(0.5, theatre.outside.journal.request_cancel, ["toyrun"])
    cancelling.start()
    began = time.monotonic()
    record = theatre.drive()
    assert time.monotonic() - began < 5
    assert record.state is RunState.PENDING
    assert record.cancel_requested
    assert "await" not in theatre.done()
    theatre.catalogue |= toy_catalogue(theatre.directory, {"return": (), "discard": ("return",)})
    record = theatre.engine().undo(toy_run(), ("return", "discard"))
    assert record.state is RunState.UNDONE
    assert theatre.done()[-2:] == ["return", "discard"]


def test_an_undo_reads_what_the_run_left(theatre: Theatre) -> None:
    theatre.put(Mended, "move")
    theatre.drive()
    seen: dict[str, object] = {}

    class Looks(ToyStep):
        def look(self, context: StepContext) -> Sight:
            seen.update(context.outputs)
            return Done("nothing to return")

    theatre.catalogue |= toy_catalogue(theatre.directory, {"return": ()})
    theatre.put(Looks, "return")
    theatre.engine().undo(toy_run(), ("return",))
    assert seen == {
        "alpha": {"after": []},
        "fence": {"after": ["alpha"]},
        "create": {"after": ["alpha"]},
        "await": seen["await"],
    }


def test_an_undo_that_halts_goes_on_where_it_was(theatre: Theatre) -> None:
    theatre.put(Mended, "move")
    theatre.drive()
    theatre.catalogue |= toy_catalogue(theatre.directory, {"return": (), "discard": ("return",)})
    theatre.put(Mended, "discard")
    record = theatre.engine().undo(toy_run(), ("return", "discard"))
    assert record.state is RunState.NEEDS_PERSON
    assert "`releve cancel toyrun`" in record.next_action
    (theatre.directory / "mended").touch()
    assert theatre.engine().undo(toy_run(), ("return", "discard")).state is RunState.UNDONE
    assert count_effects(theatre.directory)["return"] == 1


def test_a_run_that_is_being_undone_never_goes_forward(theatre: Theatre) -> None:
    theatre.put(Mended, "move")
    theatre.drive()
    theatre.catalogue |= toy_catalogue(theatre.directory, {"return": ()})
    theatre.put(Mended, "return")
    theatre.engine().undo(toy_run(), ("return",))
    (theatre.directory / "mended").touch()
    with pytest.raises(StepHalted, match="is being undone") as caught:
        theatre.drive()
    assert "`releve cancel toyrun`" in caught.value.remedy
    assert "move" not in count_effects(theatre.directory)
    assert theatre.engine().undo(toy_run(), ("return",)).state is RunState.UNDONE


def test_nothing_to_undo_is_cancelled(theatre: Theatre) -> None:
    theatre.outside.journal.open_run(toy_run())
    theatre.outside.journal.request_cancel("toyrun")
    assert theatre.engine().undo(toy_run(), ()).state is RunState.CANCELLED


def test_an_undo_is_not_stopped_by_the_cancel_that_asked_for_it(theatre: Theatre) -> None:
    theatre.outside.journal.open_run(toy_run())
    theatre.outside.journal.request_cancel("toyrun")
    assert theatre.drive().state is RunState.PENDING
    assert count_effects(theatre.directory) == {}
    theatre.catalogue |= toy_catalogue(theatre.directory, {"return": ()})
    assert theatre.engine().undo(toy_run(), ("return",)).state is RunState.UNDONE
    assert count_effects(theatre.directory) == {"return": 1}


def test_the_steps_are_those_of_the_recorded_input(theatre: Theatre) -> None:
    theatre.put(Mended, "move")
    theatre.drive()
    with pytest.raises(PlanError, match="recorded with another input"):
        theatre.drive(toy_run(steps=("alpha",)))
    with pytest.raises(PlanError):
        theatre.drive(replace(toy_run(), plan={"instance": "another"}))


@pytest.mark.parametrize(("number", "which"), [(2, "a newer"), (0, "an older")])
def test_a_run_of_another_format_says_what_it_needs(
    on_sqlite: Theatre, number: int, which: str
) -> None:
    with pytest.raises(StepHalted, match=f"reads run format {number}") as caught:
        on_sqlite.drive(replace(toy_run(), format=number))
    assert which in caught.value.why
    record = on_sqlite.outside.journal.read_run("toyrun")
    assert record.state is RunState.NEEDS_PERSON
    assert f"format {number}" in record.next_action
    assert count_effects(on_sqlite.directory) == {}


def test_a_step_that_this_version_lacks_is_named(on_sqlite: Theatre) -> None:
    with pytest.raises(PlanError) as caught:
        on_sqlite.drive(toy_run(steps=("alpha", "omega")))
    assert "'omega'" in caught.value.why
    assert on_sqlite.outside.journal.read_run("toyrun").state is RunState.NEEDS_PERSON
    assert count_effects(on_sqlite.directory) == {}


class Listener(Observer):
    def __init__(self) -> None:
        self.told: list[str] = []

    def step_started(self, name: str, sentence: str) -> None:
        self.told.append(f"{name}: {sentence}")

    def step_said(self, name: str, text: str) -> None:
        self.told.append(f"{name} says {text}")

    def step_ended(self, name: str, kind: EventKind, text: str, *, seconds: float) -> None:
        assert seconds >= 0
        self.told.append(f"{name} {kind}: {text}")

    def run_ended(self, state: RunState, next_action: str) -> None:
        self.told.append(f"{state}: {next_action[:20]}")


def test_an_observer_hears_each_step(on_sqlite: Theatre) -> None:
    on_sqlite.catalogue = {"alpha": on_sqlite.catalogue["alpha"]}
    listener = Listener()
    on_sqlite.engine(listener).drive(toy_run(steps=("alpha",)))
    assert listener.told == [
        "alpha: Write one line for alpha of blog.",
        "alpha says alpha wrote its line",
        "alpha done: alpha has its line",
        "DONE: Nothing is left to d",
    ]


def test_an_observer_of_a_later_life_hears_what_was_done_before(on_sqlite: Theatre) -> None:
    on_sqlite.put(Mended, "move")
    first, second = Listener(), Listener()
    on_sqlite.engine(first).drive(toy_run())
    assert "move halted: task nginx failed: no such package" in first.told
    (on_sqlite.directory / "mended").touch()
    on_sqlite.engine(second).drive(toy_run())
    assert "alpha done: done before" in second.told
    assert not any(line.startswith("alpha:") for line in second.told)
    assert "move done: move has its line" in second.told


def drive_in_a_child(directory: Path, database_url: str, run_id: str, host: str) -> None:
    theatre = Theatre(directory, database_url=database_url)
    theatre.put(Waits, "alpha")
    theatre.drive(toy_run(run_id, host=host))


def in_a_child(theatre: Theatre, run_id: str = "toyrun", host: str = "blog") -> Callable[[], None]:
    """Another process that drives a run and waits in its first step; returns how to kill it."""
    arguments = (theatre.directory, theatre.database_url, run_id, host)
    child = multiprocessing.get_context("forkserver").Process(
        target=drive_in_a_child, args=arguments
    )
    child.start()
    lease = toy_outside(theatre.directory, database_url=theatre.database_url).lease
    until = time.monotonic() + 30
    while not (theatre.directory / "effects" / "alpha").exists():
        assert time.monotonic() < until
        time.sleep(0.01)

    def kill() -> None:
        child.kill()
        child.join()
        while lease.is_held(f"run {run_id}"):
            assert time.monotonic() < until
            time.sleep(0.01)

    return kill


def test_a_run_has_one_driver_and_the_next_takes_over_when_it_is_killed(theatre: Theatre) -> None:
    kill = in_a_child(theatre)
    try:
        for run in (toy_run(), toy_run("second")):  # the same run; another one of the same host
            with pytest.raises(RunHeld):
                theatre.drive(run)
    finally:
        kill()
    record = theatre.drive()
    assert record.state is RunState.DONE
    assert count_effects(theatre.directory) == ONE_EACH


def test_another_process_never_takes_a_run_of_another_host(theatre: Theatre) -> None:
    kill = in_a_child(theatre, "others", "shop")
    try:
        (theatre.directory / "effects" / "alpha").rename(theatre.directory / "theirs")
        assert theatre.drive().state is RunState.DONE
        assert theatre.outside.journal.read_run("others").state is RunState.PENDING
        assert theatre.done("others") == []
    finally:
        kill()
    assert theatre.drive(toy_run("mine2")).state is RunState.DONE  # nor when its driver is dead
    assert theatre.done("others") == []


def test_what_dbos_keeps_is_json_and_no_queue_stays_behind(on_sqlite: Theatre) -> None:
    on_sqlite.drive()
    with sqlite3.connect(on_sqlite.directory / "state" / "engine.db") as connection:
        rows = connection.execute("select serialization, inputs from workflow_status").fetchall()
        assert [kind for kind, _ in rows] == ["portable_json"]
        frozen = connection.execute("select inputs from workflow_input").fetchall() or [
            (rows[0][1],)
        ]
        kept: Mapping[str, object] = json.loads(frozen[0][0])["positionalArgs"][0]
        assert kept["steps"] == list(LIST)
        assert connection.execute("select count(*) from queues").fetchone() == (0,)
    for path in (on_sqlite.directory / "state").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
