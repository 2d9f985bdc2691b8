"""Steps whose effects are lines in files, for trying the engine without any cloud."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from releve.adapters.store import open_store
from releve.model.run import Phase, RunInput
from releve.ports.clock import Clock
from releve.ports.outside import Outside
from releve.workflow.run_format import RUN_FORMAT
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo
from tests.fakes.access import FakeAccess
from tests.fakes.checker import FakeChecker
from tests.fakes.clock import RealClock
from tests.fakes.cloud import FakeCloud
from tests.fakes.converger import FakeConverger
from tests.fakes.finding_store import FakeFindingStore
from tests.fakes.observed_store import FakeObservedStore
from tests.fakes.provider import FakeProvider

LIST: Mapping[str, tuple[str, ...]] = {  # a step and what it needs
    "alpha": (),
    "fence": ("alpha",),
    "create": ("alpha",),
    "await": ("create",),
    "move": ("fence", "await"),
    "report": ("move",),
}


class ToyStep(Step):
    phase = Phase.DECIDE
    cell = "S00"
    poll_seconds: ClassVar[float] = 0.01

    def __init__(self, name: str, *, needs: tuple[str, ...], effects: Path) -> None:
        self.name = name  # type: ignore[misc] # one class serves the whole list
        self.needs = needs  # type: ignore[misc] # as above
        self._effects = effects / name

    def describe(self, run: RunInput) -> str:
        return f"Write one line for {self.name} of {run.host}."

    def look(self, context: StepContext) -> Sight:
        if self.count() == 0:
            return Todo(f"{self.name} has no line yet")
        return Done(f"{self.name} has its line", {"after": sorted(context.outputs)})

    def act(self, context: StepContext) -> Sight:
        del context
        with self._effects.open("a") as file:
            file.write(f"{self.name}\n")
        return Pending(f"{self.name} wrote its line")

    def count(self) -> int:
        return len(self._effects.read_text().splitlines()) if self._effects.exists() else 0


def toy_catalogue(
    directory: Path, shape: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, Step]:
    effects = directory / "effects"
    effects.mkdir(parents=True, exist_ok=True)
    shape = LIST if shape is None else shape
    return {name: ToyStep(name, needs=needs, effects=effects) for name, needs in shape.items()}


def count_effects(directory: Path) -> dict[str, int]:
    effects = directory / "effects"
    return {path.name: len(path.read_text().splitlines()) for path in sorted(effects.iterdir())}


def toy_run(
    run_id: str = "toyrun", *, steps: Sequence[str] = tuple(LIST), host: str = "blog"
) -> RunInput:
    return RunInput(
        format=RUN_FORMAT,
        run_id=run_id,
        host=host,
        epoch=zlib.crc32(run_id.encode()) % 2**31,  # a run of its own has one of its own
        plan={"instance": "blog-1"},
        repository="repository",
        fingerprint="0" * 64,
        steps=tuple(steps),
        proposed_at="2026-11-22T08:00:00+00:00",
    )


def toy_outside(directory: Path, *, database_url: str = "", clock: Clock | None = None) -> Outside:
    """The real journal and leases; a fake cloud that no toy step asks anything."""
    clock = clock or RealClock()
    journal, lease = open_store(directory / "state", database_url)
    cloud = FakeCloud(directory / "cloud.db", clock=clock)
    return Outside(
        provider=FakeProvider(cloud),
        access=FakeAccess(cloud),
        converger=FakeConverger(cloud),
        checker=FakeChecker(cloud, volumes=0),
        journal=journal,
        lease=lease,
        clock=clock,
        observed=FakeObservedStore(),
        findings=FakeFindingStore(),
    )
