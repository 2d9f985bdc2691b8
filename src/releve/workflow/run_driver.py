"""The life of a run from lease to recorded ending, whatever engine makes it durable."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from releve.errors import PlanError, StepHalted
from releve.model.run import Mode, RunInput, RunRecord, RunState
from releve.ports.outside import Outside
from releve.workflow.ending import Ending, decide_ending, next_while_pending, when_unusable
from releve.workflow.interpreter import Interpretation, choose_steps
from releve.workflow.interruption import leaving_at_once
from releve.workflow.run_format import require_known_format
from releve.workflow.step import Step
from releve.workflow.step_runner import Manner, StepRunner


@dataclass(frozen=True)
class Work:
    """A run's steps, or those of its undo, to be carried out in this process."""

    run: RunInput
    steps: tuple[Step, ...]
    runner: StepRunner
    undoing: bool


class Durable(ABC):
    @abstractmethod
    def carry_out(self, work: Work) -> Interpretation:
        """Go through the steps; one that an earlier life has committed is not run again.

        StepHalted when the record of earlier lives cannot be used, JournalError when it cannot
        be read or written.
        """


def name_host_lease(run: RunInput) -> str:
    """One recovery and one drill of a host at a time; neither waits for the other."""
    return f"{'drill' if run.mode is Mode.DRILL else 'host'} {run.host}"


class RunDriver:
    def __init__(
        self,
        outside: Outside,
        catalogue: Mapping[str, Step],
        *,
        durable: Durable,
        manner: Manner,
    ) -> None:
        self._outside = outside
        self._catalogue = catalogue
        self._durable = durable
        self._manner = manner

    def drive(self, run: RunInput) -> RunRecord:
        return self._carry(run, names=run.steps, undoing=False)

    def undo(self, run: RunInput, steps: tuple[str, ...]) -> RunRecord:
        return self._carry(run, names=steps, undoing=True)

    def _carry(self, run: RunInput, *, names: tuple[str, ...], undoing: bool) -> RunRecord:
        journal = self._outside.journal
        self._outside.lease.hold((f"run {run.run_id}", name_host_lease(run)))
        try:
            journal.open_run(run)
            if (record := journal.read_run(run.run_id)).state.is_over:
                return record
            ending = self._reach_ending(record, names, undoing=undoing)
            journal.set_state(run.run_id, ending.state, next_action=ending.next_action)
            self._manner.observer.run_ended(ending.state, ending.next_action)
            if ending.error is not None:
                raise ending.error
            return journal.read_run(run.run_id)
        finally:
            self._outside.lease.release()

    def _reach_ending(self, record: RunRecord, names: tuple[str, ...], *, undoing: bool) -> Ending:
        run = record.input
        try:
            require_known_format(run)
            work = self._make_work(run, names, undoing=undoing)
        except (StepHalted, PlanError) as error:
            return when_unusable(run.run_id, error, undoing=undoing)
        next_action = next_while_pending(run.run_id, undoing=undoing)
        if (record.state, record.next_action) != (RunState.PENDING, next_action):
            self._outside.journal.set_state(run.run_id, RunState.PENDING, next_action=next_action)
        try:
            with leaving_at_once(lambda: self._manner.observer.run_interrupted(next_action)):
                interpretation = self._durable.carry_out(work)
        except StepHalted as error:
            return when_unusable(run.run_id, error, undoing=undoing)
        return decide_ending(run.run_id, names, interpretation, undoing=undoing)

    def _make_work(self, run: RunInput, names: tuple[str, ...], *, undoing: bool) -> Work:
        runner = StepRunner(
            run,
            self._outside,
            manner=self._manner,
            earlier=self._outside.journal.read_events(run.run_id),
            heeds_cancel=not undoing,
        )
        return Work(run, choose_steps(self._catalogue, names), runner, undoing)
