"""One life of a run: how each step of it is begun, committed and told, whatever the engine."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from releve.errors import JournalError, RunHeld
from releve.model.run import EventKind, JournalEvent, Output, RunInput
from releve.ports.outside import Outside
from releve.workflow.cancel_watch import CancelWatch
from releve.workflow.carry_out import StopRequested, carry_out
from releve.workflow.history import count_intents, is_uncertain
from releve.workflow.hooks import Strike
from releve.workflow.observer import Observer
from releve.workflow.patience import Patience
from releve.workflow.step import Done, Step, StepContext

Body = Callable[[], Output]
Commit = Callable[[Body], Output]  # the recorded output, else the body's, recorded once


class Unrecorded(BaseException):
    """Carries what ended a step or run early past an engine that records every Exception."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass(frozen=True)
class Manner:
    """How steps are carried out in this process."""

    patience: Patience
    strike: Strike
    observer: Observer


class StepRunner:
    def __init__(
        self,
        run: RunInput,
        outside: Outside,
        *,
        manner: Manner,
        earlier: Sequence[JournalEvent],
        heeds_cancel: bool,
    ) -> None:
        """`earlier`: the journal of the run's earlier lives."""
        self._run = run
        self._outside = outside
        self._manner = manner
        self._earlier = earlier
        self._heeds_cancel = heeds_cancel
        self._cancel = CancelWatch(outside.journal, run_id=run.run_id, clock=outside.clock)
        self._broken = threading.Event()

    def may_start(self) -> bool:
        """Whether a further step may begin: nobody asked to cancel, nothing broke."""
        return not self._should_stop()

    def run_step(self, step: Step, outputs: Mapping[str, Output], *, commit: Commit) -> Output:
        """The step's output, from its record where it has one; raises what ended it early."""
        began = self._outside.clock.monotonic()
        finished: list[Done] = []

        def body() -> Output:
            done = self._live(step, outputs)
            finished.append(done)
            return done.output

        try:
            output = commit(body)
        except Unrecorded as early:
            self._tell_early_end(step, early.cause, seconds=self._since(began))
            raise early.cause from None
        except JournalError:
            self._broken.set()
            raise
        if finished:
            self._manner.strike(step.name, "after_commit")
        reason = finished[0].reason if finished else "done before"
        self._tell_end(step, EventKind.DONE, reason, seconds=self._since(began))
        return output

    def _live(self, step: Step, outputs: Mapping[str, Output]) -> Done:
        try:
            self._manner.strike(step.name, "before_intent")
            self._outside.lease.verify()
            self._manner.observer.step_started(step.name, step.describe(self._run))
            return carry_out(
                step,
                self._context(step, outputs),
                patience=self._manner.patience,
                uncertain=step.touches and is_uncertain(self._earlier, step.name),
                intents=count_intents(self._earlier, step.name),
                strike=self._manner.strike,
            )
        except Exception as error:
            raise Unrecorded(error) from error

    def _context(self, step: Step, outputs: Mapping[str, Output]) -> StepContext:
        return StepContext(
            run=self._run,
            outside=self._outside,
            outputs=outputs,
            should_stop=self._should_stop,
            report_progress=lambda text: self._manner.observer.step_said(step.name, text),
        )

    def _should_stop(self) -> bool:
        return self._broken.is_set() or (self._heeds_cancel and self._cancel.is_asked())

    def _tell_early_end(self, step: Step, cause: Exception, *, seconds: float) -> None:
        if isinstance(cause, (JournalError, RunHeld)):
            self._broken.set()
        kind = EventKind.NOTE if isinstance(cause, StopRequested) else EventKind.HALTED
        self._tell_end(step, kind, str(cause) or "stopped, as asked", seconds=seconds)

    def _tell_end(self, step: Step, kind: EventKind, text: str, *, seconds: float) -> None:
        self._manner.observer.step_ended(step.name, kind, text, seconds=seconds)

    def _since(self, began: float) -> float:
        return round(self._outside.clock.monotonic() - began, 3)
