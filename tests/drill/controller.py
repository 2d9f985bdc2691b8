"""One drill on a fake cloud, everything else real: steps, engine, journal, store, leases, plan."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from releve.adapters.store import open_observed_store, open_store
from releve.cli.by_mode import catalogue_of, steps_to_undo
from releve.drill.lasting import verdict_of
from releve.drill.rehearse import Choices, propose_drill
from releve.drill.verdict import Verdict
from releve.model.resources import Role
from releve.model.run import EventKind, JournalEvent, Mode, Output, RunInput, RunRecord
from releve.plan.loading import load_plan
from releve.ports.journal import Journal
from releve.ports.outside import Outside
from releve.recovery.image import propose_image
from releve.recovery.recover import propose_run
from releve.workflow.engine import Engine, EngineSettings
from releve.workflow.hooks import Strike, strike_nothing
from releve.workflow.patience import Patience
from tests.fakes.access import FakeAccess
from tests.fakes.checker import FakeChecker
from tests.fakes.clock import FakeClock
from tests.fakes.cloud import FakeCloud
from tests.fakes.cloud_file import Actor
from tests.fakes.cloud_state import Habits
from tests.fakes.converger import FakeConverger
from tests.fakes.provider import FakeProvider
from tests.fakes.world import HOST, MOUNTS, World, open_world
from tests.matrix.controller import make_run
from tests.oracle.oracle import Oracle

LIKE_LXD: Final = Habits(mounts_volumes=True, has_ports=False, settle_seconds=0.0)


def make_ground(directory: Path, *, habits: Habits = LIKE_LXD, drill: str = "") -> None:
    """The host on its cloud and the team's repository; `drill`: that section of the plan."""
    make_run(directory, habits=habits)  # and a recovery, which is closed at once
    journal, _lease = open_store(directory / "state")
    from releve.model.run import RunState  # noqa: PLC0415

    journal.set_state(
        journal.list_runs()[0].input.run_id, RunState.CANCELLED, next_action="not of this test"
    )
    if drill:
        plan = directory / "repository" / "releve.yml"
        plan.write_text(plan.read_text() + f"    drill: {drill}\n")


@dataclass
class Drills:
    """One life of the controller process, over what outlives it in the directory."""

    directory: Path
    strike: Strike = strike_nothing
    settle_seconds: float = LIKE_LXD.settle_seconds
    always_changes: bool = False
    clock: FakeClock = field(init=False)
    world: World = field(init=False)
    journal: Journal = field(init=False)
    outside: Outside = field(init=False)

    def __post_init__(self) -> None:
        self.journal, lease = open_store(self.directory / "state")
        observed, findings = open_observed_store(self.directory / "state")
        self.clock = FakeClock()
        cloud = FakeCloud(self.directory / "cloud.db", clock=self.clock)
        self.clock.sleep(cloud.history()[-1].at + 1)
        self.world = open_world(cloud, Oracle(read_events=self.journal.read_events))
        converger = FakeConverger(cloud)
        converger.always_changes = self.always_changes
        self.outside = Outside(
            provider=FakeProvider(cloud),
            access=FakeAccess(cloud),
            converger=converger,
            checker=FakeChecker(cloud, volumes=len(MOUNTS)),
            journal=self.journal,
            lease=lease,
            clock=self.clock,
            observed=observed,
            findings=findings,
        )

    @property
    def cloud(self) -> FakeCloud:
        return self.world.cloud

    @property
    def repository(self) -> Path:
        return self.directory / "repository"

    def propose(self, *, twins: int = 1, image: bool | None = None) -> RunInput:
        run = propose_drill(
            load_plan(self.repository / "releve.yml"),
            HOST,
            journal=self.journal,
            clock=self.clock,
            choices=Choices(image=image),
            twins=twins,
        )
        self.journal.open_run(run)
        return run

    def propose_recovery(self) -> RunInput:
        loaded = load_plan(self.repository / "releve.yml")
        image = propose_image(
            self.outside.provider,
            loaded.host(HOST),
            str(loaded.repository),
            host=HOST,
            journal=self.journal,
        )
        run = propose_run(
            loaded, HOST, journal=self.journal, clock=self.clock, options={"image": image}
        )
        self.journal.open_run(run)
        return run

    def newest(self, mode: Mode = Mode.DRILL) -> RunInput:
        return next(run.input for run in self.journal.list_runs() if run.input.mode is mode)

    def drive(self, run: RunInput) -> RunRecord:
        return self._engine(run).drive(run)

    def drive_to_end(self, run: RunInput) -> RunRecord:
        """As the command does: what stops early is undone at once."""
        record = self.drive(run)
        return record if record.state.is_over else self.undo(run)

    def undo(self, run: RunInput) -> RunRecord:
        record = self.journal.read_run(run.run_id)
        return self._engine(run).undo(run, tuple(steps_to_undo(record, journal=self.journal)))

    def cancel(self, run: RunInput) -> RunRecord:
        self.journal.request_cancel(run.run_id)
        return self.undo(run)

    def verdict(self, run: RunInput) -> Verdict:
        found = verdict_of(self.events(run))
        assert found is not None
        return found

    def output(self, run: RunInput, step: str) -> Output:
        found: Output = next(
            event.data["output"]
            for event in reversed(self.events(run))
            if event.step == step and event.kind.value == "done"
        )
        return found

    def reason(self, run: RunInput, step: str) -> str:
        """What its last intent, or its end, gave as its reason."""
        told = [event for event in self.events(run) if event.step == step]
        intents = [event.text for event in told if event.kind is EventKind.INTENT]
        return intents[-1] if intents else told[-1].text

    def events(self, run: RunInput) -> tuple[JournalEvent, ...]:
        return self.journal.read_events(run.run_id)

    def _engine(self, run: RunInput) -> Engine:
        actor = Actor("controller", run.run_id, run.epoch)
        self.outside.provider.actor = actor  # type: ignore[attr-defined] # of the fake
        patience = Patience(settle_seconds=self.settle_seconds, draw=lambda: 1.0)
        settings = EngineSettings(self.directory / "state", strike=self.strike, patience=patience)
        return Engine(self.outside, catalogue_of(run), settings)


def list_rest(drills: Drills) -> list[str]:
    """What of any drill is still at the cloud, images of finished ones left out."""
    state = drills.cloud.state()
    twins = [item.id for item in state.instances.values() if _is_twins(item.labels)]
    volumes = [item.id for item in state.volumes.values() if _is_twins(item.labels)]
    images = [item.id for item in state.captures.values() if not item.ready]
    return [*twins, *volumes, *images]


def list_images(drills: Drills) -> list[str]:
    return list(drills.cloud.state().captures)


def _is_twins(labels: dict[str, str]) -> bool:
    return labels.get("releve.role") == Role.TWIN.value
