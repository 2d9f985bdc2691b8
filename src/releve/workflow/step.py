"""What a step is: something that can be looked at, acted on, and asked whether it is done."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from releve.model.run import Output, Phase, RunInput
from releve.ports.outside import Outside


@dataclass(frozen=True)
class Done:
    """The step's goal holds; the output is recorded once and never computed again."""

    reason: str
    output: Output = field(default_factory=dict)


@dataclass(frozen=True)
class Pending:
    """On its way without us: look again, do not act."""

    reason: str


@dataclass(frozen=True)
class Todo:
    """Nothing there yet: act."""

    reason: str
    target: str = ""  # which of several things the act is for: one that makes acts for no other


Sight = Done | Pending | Todo
FAILED: Final = "failed"  # in the output of a step that may fail: why it did; absent: it did not


@dataclass(frozen=True)
class StepContext:
    run: RunInput
    outside: Outside
    outputs: Mapping[str, Output]  # of the steps that are done
    should_stop: Callable[[], bool]  # True: a person asked to cancel; end at a safe point
    report_progress: Callable[[str], None]  # the sentence shown beside the running step
    target: str = ""  # in an act: that of the Todo it answers

    def output_of(self, step: str) -> Output:
        return self.outputs[step]


class Step(ABC):
    """One act of a run. Look and act hold no state between calls."""

    name: ClassVar[str]
    phase: ClassVar[Phase]
    cell: ClassVar[str]  # the step's row in the fault matrix: S06
    needs: ClassVar[tuple[str, ...]] = ()
    deadline_seconds: ClassVar[float] = 300.0
    acts_at_most: ClassVar[int] = 2  # per attempt of the run
    touches: ClassVar[bool] = True  # False: reads only, so nothing is to be undone
    poll_seconds: ClassVar[float] = 0.5
    may_fail: ClassVar[bool] = False  # True: what would halt the run is noted, and it goes on

    @abstractmethod
    def describe(self, run: RunInput) -> str:
        """What it will do, one sentence for the proposal; from the plan alone."""

    @abstractmethod
    def look(self, context: StepContext) -> Sight:
        """Read the outside; StepHalted where a person must decide."""

    @abstractmethod
    def act(self, context: StepContext) -> Sight:
        """Send the act once; Pending: look at it again; Done where only the act knows."""
