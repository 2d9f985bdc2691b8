"""A step that sees and does what a test wrote down for it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from releve.model.run import EventKind, JournalEvent, Phase, RunInput
from releve.ports.outside import Outside
from releve.workflow.step import Done, Pending, Sight, Step, StepContext, Todo
from tests.fakes.clock import FakeClock
from tests.workflow.toy import toy_outside, toy_run

Turn = Sight | Exception

TODO, PENDING, DONE = (
    Todo("it still runs"),
    Pending("it is stopping"),
    Done("it is off", {"id": "i"}),
)


class ScriptedStep(Step):
    name: ClassVar[str] = "fence"
    phase: ClassVar[Phase] = Phase.FENCE
    cell: ClassVar[str] = "S06"

    def __init__(self, looks: Iterable[Turn], acts: Iterable[Turn] = ()) -> None:
        """The last turn of each is repeated for ever."""
        self._looks = list(looks)
        self._acts = list(acts)
        self.calls: list[str] = []

    def describe(self, run: RunInput) -> str:
        return f"Power {run.host} off."

    def look(self, context: StepContext) -> Sight:
        self.calls.append(f"look@{context.outside.clock.monotonic():g}")
        return self._take(self._looks)

    def act(self, context: StepContext) -> Sight:
        self.calls.append(f"act@{context.outside.clock.monotonic():g}")
        return self._take(self._acts)

    @property
    def acts(self) -> int:
        return sum(call.startswith("act") for call in self.calls)

    @staticmethod
    def _take(turns: list[Turn]) -> Sight:
        turn = turns.pop(0) if len(turns) > 1 else turns[0]
        if isinstance(turn, Exception):
            raise turn
        return turn


class Stage:
    """A run with a held clock and a real journal, for one step at a time."""

    def __init__(self, directory: Path) -> None:
        self.clock = FakeClock()
        self.outside: Outside = toy_outside(directory, clock=self.clock)
        self.run = toy_run()
        self.outside.journal.open_run(self.run)
        self.said: list[str] = []
        self.stop: Callable[[], bool] = lambda: False

    def context(self) -> StepContext:
        return StepContext(
            run=self.run,
            outside=self.outside,
            outputs={},
            should_stop=self.stop,
            report_progress=self.said.append,
        )

    def events(self) -> tuple[JournalEvent, ...]:
        return self.outside.journal.read_events(self.run.run_id)

    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events()]
