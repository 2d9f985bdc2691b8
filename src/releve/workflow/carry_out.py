"""One step, from its first look to its goal: the only loop that looks, acts and waits."""

import json
from dataclasses import replace
from typing import Any

from releve.errors import (
    Busy,
    JournalError,
    Malformed,
    RateLimited,
    ReleveError,
    RunHeld,
    StepHalted,
    Unavailable,
    Unreachable,
)
from releve.model.run import EventKind, JournalEvent
from releve.workflow.history import ACCEPTED, REFUSED
from releve.workflow.hooks import Strike, strike_nothing
from releve.workflow.patience import Patience
from releve.workflow.step import FAILED, Done, Pending, Sight, Step, StepContext, Todo

_MAY_PASS = (Unavailable, Malformed, Busy, RateLimited, Unreachable)
_NOT_NOW = (Busy, RateLimited)  # answered: nothing happened
_UNKNOWN = (Unavailable, Malformed, Unreachable)  # the act may have happened
_LONGEST_NAP_SECONDS = 1.0  # between two questions whether to stop


class StopRequested(Exception):
    """A person asked to cancel, and the step stopped at a safe point."""


def carry_out(
    step: Step,
    context: StepContext,
    *,
    patience: Patience,
    uncertain: bool = False,
    intents: int = 0,
    strike: Strike = strike_nothing,
) -> Done:
    """Bring the step to its goal with at most `acts_at_most` acts, and record each turn.

    `uncertain`: an act of an earlier life may have happened unseen. `intents`: how many were
    recorded. Raises StepHalted where a person must decide, StopRequested at a safe point after a
    cancel, JournalError and RunHeld as they come. A step that may fail is given up instead: it
    is done, with the reason under FAILED in its output.
    """
    attempt = _Attempt(step, context, patience=patience, intents=intents, strike=strike)
    if uncertain:
        attempt.doubt()
    try:
        done = attempt.reach_goal()
        output = json.loads(json.dumps(done.output))  # as a later life will read it
    except (JournalError, RunHeld):
        raise
    except StopRequested:
        attempt.record(EventKind.NOTE, "stopped at a safe point, as asked")
        raise
    except Exception as error:  # a defect must leave a run that can be resumed
        halt = as_halt(error, step=step.name)
        if not step.may_fail:
            attempt.record_halt(error if isinstance(error, ReleveError) else halt)
            raise halt from error
        done = attempt.give_up(halt)
        output = dict(done.output)
    attempt.record(EventKind.DONE, done.reason, seconds=attempt.seconds, output=output)
    return Done(done.reason, output)


def as_halt(error: Exception, *, step: str) -> StepHalted:
    if isinstance(error, StepHalted):
        return error
    if isinstance(error, ReleveError):
        return StepHalted(error.what, why=error.why, remedy=error.remedy)
    return StepHalted(
        f"{step}: met a defect of Relève",
        why=f"{type(error).__name__}: {error}"[:500],
        remedy="Report it with the journal of this run",
    )


class _Attempt:
    """The turns of one step in one life of the run."""

    def __init__(
        self,
        step: Step,
        context: StepContext,
        *,
        patience: Patience,
        intents: int,
        strike: Strike,
    ) -> None:
        self._step = step
        self._context = context
        self._patience = patience
        self._strike = strike
        self._clock = context.outside.clock
        self._began = self._clock.monotonic()
        self._intents = intents
        self._acts = 0
        self._refusals = 0  # in a row, of acts
        self._pauses: list[float] = []  # still to sit out before an act in doubt counts as lost
        self._expected_until: dict[str, float] = {}  # by target: its act may show until then
        self._looked_at = self._began  # when the latest look was asked for
        self._acted_for: str | None = None  # target of the last act of this life
        self._sat_out_absurd_wait = False
        self._said = ""

    @property
    def seconds(self) -> float:
        return round(self._clock.monotonic() - self._began, 3)

    def doubt(self) -> None:
        self._pauses = list(self._patience.settle_pauses)

    def reach_goal(self) -> Done:
        while True:
            sight = self._look()
            if isinstance(sight, Todo):
                sight = self._answer_todo(sight)
            elif isinstance(sight, Pending):
                self._wait(sight.reason)
            if isinstance(sight, Done):
                return sight

    def _look(self) -> Sight:
        tries = 0
        while True:
            self._looked_at = self._clock.monotonic()  # it shows nothing that came later
            try:
                return self._step.look(self._context)
            except _MAY_PASS as error:
                tries += 1
                self._back_off(error, tries=tries)

    def _answer_todo(self, todo: Todo) -> Sight:
        if self._acted_for not in {None, todo.target}:
            self._pauses = []  # the last act shows, this is about another thing
        if self._pauses:
            pause = self._pauses.pop(0)
            self._say(f"{todo.reason}; an earlier act may still show, looking again in {pause:g} s")
            self._pause(pause)
            return todo
        if self._looked_at < self._expected_until.get(todo.target, self._began):
            self._wait(f"{todo.reason}; the act was accepted and may still show")
            return todo
        self._require_time_left(todo.reason)
        if self._acts >= self._step.acts_at_most:
            raise self._halted(f"still not done after {self._acts} acts", why=todo.reason)
        self._stop_if_asked()
        return self._act(todo)

    def _act(self, todo: Todo) -> Sight:
        self._intents += 1
        self._acted_for = todo.target
        self.record(EventKind.INTENT, todo.reason)
        self._strike(self._step.name, "after_intent")
        self._context.outside.lease.verify()
        try:
            sight = self._step.act(replace(self._context, target=todo.target))
        except _UNKNOWN as error:
            self._acts += 1
            self._expect(todo)
            self.doubt()
            self.record(EventKind.NOTE, f"it is not known whether the act happened: {error}")
            self._back_off_act(error)
            return todo
        except _NOT_NOW as error:
            self._record_answer(error)
            self._back_off_act(error)
            return todo
        except (JournalError, RunHeld):
            raise
        except ReleveError as error:
            self._record_answer(error)
            raise
        self._strike(self._step.name, "after_effect")
        self._expect(todo)
        self._accept(sight)
        return sight

    def _accept(self, sight: Sight) -> None:
        self._acts += 1
        self._refusals = 0
        self.record(EventKind.EFFECT, sight.reason, answer=ACCEPTED)
        if not isinstance(sight, Done):  # the end of the step is told by itself
            self._tell(sight.reason)

    def _expect(self, todo: Todo) -> None:
        """It counts as lost only if a look that is asked for later than that does not show it."""
        now = self._clock.monotonic()
        self._expected_until[todo.target] = now + self._patience.visible_within_seconds

    def _record_answer(self, error: ReleveError) -> None:
        self.record(EventKind.EFFECT, str(error), answer=REFUSED, error=type(error).__name__)

    def _back_off_act(self, error: ReleveError) -> None:
        self._refusals += 1
        self._back_off(error, tries=self._refusals)

    def _back_off(self, error: ReleveError, *, tries: int) -> None:
        """Pause before the next try, or halt when there were enough of them."""
        if tries >= self._patience.tries:
            raise self._halted(
                error.what, why=f"{tries} tries in a row; {error.why or type(error).__name__}"
            ) from error
        if self._patience.is_absurd(error):
            if self._sat_out_absurd_wait:
                raise self._halted(error.what, why="the provider asks for ever longer waits")
            self._sat_out_absurd_wait = True
        pause = self._patience.pause_after(error, tries=tries)
        self._require_time_left(str(error))
        self._say(f"{error}; trying again in {pause:.3g} s")
        self._pause(pause)

    def _wait(self, reason: str) -> None:
        self._stop_if_asked()
        self._require_time_left(reason)
        self._say(reason)
        self._pause(max(self._step.poll_seconds, self._patience.least_poll_seconds))

    def _require_time_left(self, reason: str) -> None:
        if self._clock.monotonic() - self._began >= self._step.deadline_seconds:
            raise self._halted(f"not done within {self._step.deadline_seconds:g} s", why=reason)

    def _pause(self, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0:
            self._clock.sleep(min(left, _LONGEST_NAP_SECONDS))
            self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self._context.should_stop():
            raise StopRequested

    def _halted(self, what: str, *, why: str) -> StepHalted:
        return StepHalted(
            f"{self._step.name}: {what}",
            why=why,
            remedy="Look at what the provider shows, put right what keeps the step from its goal",
        )

    def _say(self, text: str) -> None:
        """Shown and journaled when it is something new."""
        if text != self._said:
            self._tell(text)
            self.record(EventKind.LOOKED, text)

    def _tell(self, text: str) -> None:
        self._said = text
        self._context.report_progress(text)

    def give_up(self, halt: StepHalted) -> Done:
        self.record(EventKind.NOTE, f"given up: {halt}", remedy=halt.remedy)
        return Done(f"not done: {halt}"[:2000], {FAILED: str(halt)[:2000]})

    def record_halt(self, error: ReleveError) -> None:
        self.record(
            EventKind.HALTED,
            str(error),
            seconds=self.seconds,
            remedy=error.remedy,
            error=type(error).__name__,
        )

    def record(self, kind: EventKind, text: str, **data: Any) -> None:
        outside = self._context.outside
        outside.journal.append(
            JournalEvent(
                run_id=self._context.run.run_id,
                step=self._step.name,
                kind=kind,
                at=outside.clock.now(),
                text=text,
                attempt=max(1, self._intents),
                data=data,
            )
        )
