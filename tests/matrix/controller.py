"""One recovery on a fake cloud, everything else real: steps, engine, journal, leases, plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from releve.adapters.store import open_observed_store, open_store
from releve.model.run import JournalEvent, RunInput, RunRecord
from releve.plan.loading import load_plan
from releve.ports.journal import Journal
from releve.ports.outside import Outside
from releve.recovery.recover import catalogue_of, propose_run, steps_to_undo
from releve.workflow.engine import Engine, EngineSettings
from releve.workflow.hooks import Strike, strike_nothing
from releve.workflow.patience import Patience
from releve.workflow.step import Step
from tests.fakes.access import FakeAccess
from tests.fakes.checker import FakeChecker
from tests.fakes.clock import FakeClock
from tests.fakes.cloud import FakeCloud
from tests.fakes.cloud_file import Actor
from tests.fakes.cloud_state import Habits
from tests.fakes.converger import FakeConverger
from tests.fakes.provider import FakeProvider
from tests.fakes.world import ADDRESS, HOST, MOUNTS, OLD_NAME, World, make_world, open_world
from tests.matrix.state_template import copy_state
from tests.oracle.oracle import Oracle

# two creates make two instances, and nothing shows at once: the hardest cloud to be idempotent on
HABITS: Final = Habits(names_are_unique=False, list_lag_seconds=0.3, detach_lag_seconds=0.5)
_PLAN: Final = """\
version: 1
provider: {{kind: lxd}}
hosts:
  {host}:
    instance: {old}
    image: base
    size: small
    network: private
    address: {address}
    autopsy: {autopsy}
    volumes:
{volumes}
    converge: {{playbook: site.yml, inventory: [hosts.yml]}}
    checks:
      - http: http://{host}/
      - unit: nginx.service
"""

LONGEST_STEP_SECONDS: Final = 200.0  # fewer looks to simulate; an absurd wait is 120
WrapJournal = Callable[[Journal], Journal]


def make_run(directory: Path, *, habits: Habits = HABITS, autopsy: bool = False) -> None:
    """The crashed host on its cloud, the team's repository, and a run proposed and recorded."""
    copy_state(directory / "state")
    journal, _lease = open_store(directory / "state")
    clock = FakeClock()
    oracle = Oracle()
    world = make_world(directory / "cloud.db", clock=clock, habits=habits, oracle=oracle)
    plan = _write_repository(directory / "repository", world, autopsy=autopsy)
    run = propose_run(load_plan(plan), HOST, journal=journal, clock=clock, options={})
    journal.open_run(run)
    world.cloud.close()


def _write_repository(repository: Path, world: World, *, autopsy: bool) -> Path:
    repository.mkdir()
    volumes = "\n".join(
        f"      {name}: {{id: {world.volumes[name]}, mount: {mount}, filesystem: ext4}}"
        for name, mount in MOUNTS.items()
    )
    plan = repository / "releve.yml"
    policy = "always" if autopsy else "never"
    plan.write_text(
        _PLAN.format(host=HOST, old=OLD_NAME, address=ADDRESS, autopsy=policy, volumes=volumes)
    )
    (repository / "site.yml").write_text("- hosts: all\n  tasks: []\n")
    (repository / "hosts.yml").write_text(f"all:\n  hosts:\n    {HOST}:\n")
    return plan


@dataclass
class Controller:
    """One life of the controller process, over what outlives it in the directory."""

    directory: Path
    strike: Strike = strike_nothing
    wrap_journal: WrapJournal = lambda journal: journal
    replaced: Mapping[str, Step] = field(default_factory=dict)  # steps that lack a guard
    settle_seconds: float = HABITS.settle_seconds  # what the engine believes of the cloud
    clock: FakeClock = field(init=False)
    world: World = field(init=False)
    run: RunInput = field(init=False)
    journal: Journal = field(init=False)
    outside: Outside = field(init=False)

    def __post_init__(self) -> None:
        journal, lease = open_store(self.directory / "state")
        self.journal = journal
        self.run = journal.list_runs()[0].input
        self.clock = FakeClock()
        cloud = FakeCloud(self.directory / "cloud.db", clock=self.clock)
        self.clock.sleep(cloud.history()[-1].at + 1)
        self.world = open_world(cloud, Oracle(read_events=journal.read_events))
        actor = Actor("controller", self.run.run_id, self.run.epoch)
        observed, findings = open_observed_store(self.directory / "state")
        self.outside = Outside(
            provider=FakeProvider(cloud, actor=actor),
            access=FakeAccess(cloud),
            converger=FakeConverger(cloud),
            checker=FakeChecker(cloud, volumes=len(MOUNTS)),
            journal=self.wrap_journal(journal),
            lease=lease,
            clock=self.clock,
            observed=observed,
            findings=findings,
        )

    @property
    def cloud(self) -> FakeCloud:
        return self.world.cloud

    def drive(self) -> RunRecord:
        return self._engine().drive(self.run)

    def cancel(self) -> RunRecord:
        self.journal.request_cancel(self.run.run_id)
        record = self.journal.read_run(self.run.run_id)
        return self._engine().undo(self.run, tuple(steps_to_undo(record, journal=self.journal)))

    def events(self) -> tuple[JournalEvent, ...]:
        return self.journal.read_events(self.run.run_id)

    def _engine(self) -> Engine:
        patience = Patience(settle_seconds=self.settle_seconds, draw=lambda: 1.0)
        settings = EngineSettings(self.directory / "state", strike=self.strike, patience=patience)
        return Engine(self.outside, {**_catalogue(self.run), **self.replaced}, settings)


def _catalogue(run: RunInput) -> dict[str, Step]:
    """The real steps; none waits longer than what the longest fault needs."""
    steps = dict(catalogue_of(run))
    for step in steps.values():
        step.deadline_seconds = min(step.deadline_seconds, LONGEST_STEP_SECONDS)  # type: ignore[misc] # of this instance alone
    return steps
