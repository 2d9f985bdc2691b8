"""What the steps of an autopsy share: none of them can make a finished recovery fail."""

from abc import abstractmethod
from typing import ClassVar

from releve.errors import JournalError, ReleveError, StepHalted
from releve.model.run import Phase
from releve.workflow.step import FAILED, Done, Pending, Sight, Step, StepContext


class AutopsyStep(Step):
    phase = Phase.AUTOPSY
    may_fail = True
    builds_on: ClassVar[tuple[str, ...]] = ()  # steps without whose success this has nothing to do

    def look(self, context: StepContext) -> Sight:
        for name in self.builds_on:
            if failure := context.output_of(name).get(FAILED):
                return Done(f"not done, because {name} was not", {FAILED: str(failure)[:2000]})
        return self.look_closer(context)

    @abstractmethod
    def look_closer(self, context: StepContext) -> Sight: ...


class ReadingStep(AutopsyStep):
    """Reads once and knows; read again after a kill."""

    touches = False

    def look_closer(self, context: StepContext) -> Sight:
        try:
            return self.read(context)
        except JournalError as error:  # of the observed states; the run's own journal is apart
            raise as_store_error(error) from error

    @abstractmethod
    def read(self, context: StepContext) -> Done: ...

    def act(self, context: StepContext) -> Sight:
        del context
        return Pending("reading only looks")


def as_store_error(error: ReleveError) -> StepHalted:
    return StepHalted(
        "the store of observed states cannot be used",
        why=str(error),
        remedy=error.remedy,
    )
