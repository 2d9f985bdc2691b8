"""A run that an incident waits for: what to do about it next; pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from releve.model.run import RunRecord, RunState
from releve.ports.child import Child

MOST_TRIES: Final = 4  # to start or resume one run, before a person is asked
RETRY_SECONDS: Final = 10.0  # times the tries so far


class StartedBy(StrEnum):
    AUTO = "auto"
    APPROVAL = "approval"
    PERSON = "person"  # by hand, outside of this watch


@dataclass
class RunFollowed:
    run_id: str
    by: StartedBy
    fingerprint: str = ""
    child: Child | None = None  # None: not a child of this process
    tries: int = 0
    tried_at: float = 0.0  # monotonic
    told: str = ""  # why a person is needed, once that was said

    @property
    def is_ours(self) -> bool:
        return self.by is not StartedBy.PERSON

    @property
    def is_driven(self) -> bool:
        return self.child is not None and self.child.poll() is None


class Next(StrEnum):
    WAIT = "wait"
    START = "start"  # it is in no journal: ordered, and never begun
    RESUME = "resume"
    CALL_PERSON = "call-person"
    FINISH = "finish"


@dataclass(frozen=True)
class NextStep:
    what: Next
    text: str = ""


def choose_next(
    run: RunFollowed, record: RunRecord | None, *, is_held: bool, now: float
) -> NextStep:
    """`record`: as the journal has it; `is_held`: some process drives it at this moment."""
    if run.is_driven:
        return NextStep(Next.WAIT)
    if record is not None and record.state.is_over:
        text = f"run {run.run_id} ended {record.state.value}: {record.next_action}"
        return NextStep(Next.FINISH, text)
    if record is not None and record.state is RunState.NEEDS_PERSON:
        return NextStep(Next.CALL_PERSON, record.next_action)
    if is_held or now - run.tried_at < RETRY_SECONDS * run.tries:
        return NextStep(Next.WAIT)
    return begin_or_go_on(run, record)


def begin_or_go_on(run: RunFollowed, record: RunRecord | None) -> NextStep:
    if run.tries >= MOST_TRIES or not run.is_ours:
        return NextStep(Next.CALL_PERSON, say_stuck(run.run_id, has_begun=record is not None))
    return NextStep(Next.RESUME if record is not None else Next.START)


def say_stuck(run_id: str, *, has_begun: bool) -> str:
    if has_begun:
        return f"Run {run_id} was interrupted: see why, then go on with `releve resume {run_id}`"
    return f"Run {run_id} could not be started: see the log of this watch, then start it by hand"
