"""The one loop that looks, acts and waits."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest

from releve.errors import (
    Ambiguous,
    Busy,
    Changed,
    CheckFailed,
    CommandFailed,
    ConvergeFailed,
    HostKeyMismatch,
    JournalError,
    Malformed,
    Missing,
    RateLimited,
    Refused,
    ReleveError,
    RunHeld,
    StepHalted,
    Unavailable,
    Unreachable,
)
from releve.model.run import EventKind
from releve.workflow.carry_out import StopRequested, carry_out
from releve.workflow.patience import Patience
from releve.workflow.step import FAILED, Done, Pending, Sight, StepContext, Todo
from tests.workflow.scripted import DONE, PENDING, TODO, ScriptedStep, Stage

QUICK = Patience(draw=lambda: 1.0)
SLOW_LISTS = replace(QUICK, settle_seconds=10.0)
REMEDY = "Ask the provider"


def unavailable() -> Unavailable:
    return Unavailable("the provider did not answer", why="time-out", remedy=REMEDY)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_goal_that_holds_already_needs_no_act(stage: Stage) -> None:
    step = ScriptedStep([DONE])
    assert carry_out(step, stage.context(), patience=QUICK) == DONE
    assert step.acts == 0
    (event,) = stage.events()
    assert (event.kind, event.text) == (EventKind.DONE, "it is off")
    assert event.data == {"seconds": 0.0, "output": {"id": "i"}}


def test_act_once_then_wait_until_it_shows(stage: Stage) -> None:
    step = ScriptedStep([TODO, PENDING, PENDING, DONE], [Pending("stop sent")])
    carry_out(step, stage.context(), patience=QUICK)
    assert step.acts == 1
    assert stage.kinds() == [
        EventKind.INTENT, EventKind.EFFECT, EventKind.LOOKED, EventKind.DONE,
    ]  # fmt: skip
    assert [event.text for event in stage.events()] == [
        "it still runs", "stop sent", "it is stopping", "it is off",
    ]  # fmt: skip
    assert stage.said == ["stop sent", "it is stopping"]


def test_the_intent_is_durable_before_the_act(stage: Stage) -> None:
    seen: list[EventKind] = []

    class Reads(ScriptedStep):
        def act(self, context: object) -> Done:
            del context
            seen.extend(stage.kinds())
            return DONE

    carry_out(Reads([TODO]), stage.context(), patience=QUICK)
    assert seen == [EventKind.INTENT]


def test_an_act_may_know_by_itself_that_it_is_done(stage: Stage) -> None:
    step = ScriptedStep([TODO], [DONE])
    assert carry_out(step, stage.context(), patience=QUICK) == DONE
    assert len(step.calls) == 2


def test_what_is_recorded_is_what_a_later_life_will_read(stage: Stage) -> None:
    step = ScriptedStep([Done("found", {"volumes": ("a", "b")})])
    assert carry_out(step, stage.context(), patience=QUICK).output == {"volumes": ["a", "b"]}


def test_never_more_acts_than_the_step_allows(stage: Stage) -> None:
    step = ScriptedStep([TODO], [Pending("sent")])
    with pytest.raises(StepHalted, match="still not done after 2 acts") as caught:
        carry_out(step, stage.context(), patience=QUICK)
    assert step.acts == 2
    assert caught.value.why == "it still runs"
    assert stage.kinds()[-1] is EventKind.HALTED


def test_an_accepted_act_that_does_not_show_yet_is_not_sent_again(stage: Stage) -> None:
    step = ScriptedStep([TODO, *[TODO] * 70, DONE], [Pending("sent")])
    carry_out(step, stage.context(), patience=SLOW_LISTS)
    assert step.acts == 1
    assert stage.clock.monotonic() < SLOW_LISTS.visible_within_seconds


def test_after_the_settle_time_an_accepted_act_counts_as_lost(stage: Stage) -> None:
    step = ScriptedStep([TODO], [Pending("sent"), DONE])
    carry_out(step, stage.context(), patience=SLOW_LISTS)
    first, second = (float(call[4:]) for call in step.calls if call.startswith("act"))
    assert second - first >= 40.0


def test_a_look_from_before_the_settle_time_ended_is_no_proof_that_an_act_was_lost(
    stage: Stage,
) -> None:
    class StoppedOnceItSaw(ScriptedStep):
        """The process does not run for minutes between the answer and its judgement."""

        def look(self, context: StepContext) -> Sight:
            seen = super().look(context)
            stage.clock.sleep(300.0 if self.acts else 0.0)
            return seen

    step = StoppedOnceItSaw([TODO, TODO, DONE], [Pending("sent")])
    step.deadline_seconds = 1000.0  # type: ignore[misc] # of this instance alone
    carry_out(step, stage.context(), patience=SLOW_LISTS)
    assert step.acts == 1


@pytest.mark.parametrize("first", [Pending("sent"), unavailable()])
def test_what_was_seen_once_and_then_is_not_in_the_list_is_not_made_again(
    stage: Stage, first: Pending | Unavailable
) -> None:
    """Lists that come from several replicas go back in time."""
    one, other = Todo("one is missing", target="one"), Todo("other is missing", target="other")
    step = ScriptedStep([one, other, one, DONE], [first, Pending("sent"), Pending("sent again")])
    step.acts_at_most = 64  # type: ignore[misc] # of this instance alone
    carry_out(step, stage.context(), patience=SLOW_LISTS)
    assert step.acts == 2


def test_what_an_act_was_for_is_waited_for_alone(stage: Stage) -> None:
    one, other = Todo("one is missing", target="one"), Todo("other is missing", target="other")
    step = ScriptedStep([one, other, DONE], [Pending("sent")])
    carry_out(step, stage.context(), patience=SLOW_LISTS)
    assert step.acts == 2
    assert stage.clock.monotonic() < 2


@pytest.mark.parametrize("error", [unavailable(), Malformed("50 MB", remedy=REMEDY)])
def test_after_an_act_in_doubt_look_twice_before_acting_again(
    stage: Stage, error: ReleveError
) -> None:
    step = ScriptedStep([TODO], [error, DONE])
    carry_out(step, stage.context(), patience=SLOW_LISTS)
    assert step.acts == 2
    first, *looks_between, second = step.calls[step.calls.index("act@0") :][:5]
    times = [float(call[5:]) for call in looks_between]
    assert [later - earlier for earlier, later in pairwise(times)] == [10, 30]
    assert float(second[4:]) == times[-1]
    assert first == "act@0"


def test_an_act_in_doubt_that_shows_is_adopted(stage: Stage) -> None:
    step = ScriptedStep([TODO, TODO, DONE], [unavailable()])
    carry_out(step, stage.context(), patience=SLOW_LISTS)
    assert step.acts == 1
    assert stage.clock.monotonic() == pytest.approx(10.5)


def test_uncertain_from_an_earlier_life_looks_twice_first(stage: Stage) -> None:
    step = ScriptedStep([TODO], [DONE])
    carry_out(step, stage.context(), patience=SLOW_LISTS, uncertain=True)
    assert step.calls == ["look@0", "look@10", "look@40", "act@40"]


def test_uncertain_where_lists_do_not_lag_acts_at_once(stage: Stage) -> None:
    step = ScriptedStep([TODO], [DONE])
    carry_out(step, stage.context(), patience=QUICK, uncertain=True)
    assert step.calls == ["look@0", "act@0"]


def test_the_attempt_goes_on_counting_over_lives(stage: Stage) -> None:
    carry_out(ScriptedStep([TODO], [DONE]), stage.context(), patience=QUICK, intents=2)
    assert [event.attempt for event in stage.events()] == [3, 3, 3]


def test_pending_for_ever_halts_at_the_deadline_with_the_last_reason(stage: Stage) -> None:
    step = ScriptedStep([PENDING, Pending("still stopping")])
    with pytest.raises(StepHalted, match="fence: not done within 300 s") as caught:
        carry_out(step, stage.context(), patience=QUICK)
    assert caught.value.why == "still stopping"
    assert 300 <= stage.clock.monotonic() < 302


def test_a_wall_clock_that_jumps_moves_no_deadline(stage: Stage) -> None:
    class Jumps(ScriptedStep):
        def look(self, context: object) -> Done | Pending:
            del context
            stage.clock.jump_wall_clock(10 * 365 * 86400)
            return DONE if stage.clock.monotonic() > 100 else PENDING

    assert carry_out(Jumps([DONE]), stage.context(), patience=QUICK) == DONE


MAY_PASS = [
    unavailable(),
    Malformed("no JSON", remedy=REMEDY),
    Busy("in transition", remedy=REMEDY),
    RateLimited("too many calls", retry_after_seconds=None, remedy=REMEDY),
    RateLimited("too many calls", retry_after_seconds=3.0, remedy=REMEDY),
    Unreachable("no TCP", remedy=REMEDY),
]


@pytest.mark.parametrize("error", MAY_PASS, ids=lambda error: type(error).__name__)
def test_a_look_that_fails_is_tried_again(stage: Stage, error: ReleveError) -> None:
    step = ScriptedStep([error, error, error, error, DONE])
    assert carry_out(step, stage.context(), patience=QUICK) == DONE
    assert stage.clock.monotonic() >= 0.5 + 1 + 2 + 4


@pytest.mark.parametrize("error", MAY_PASS, ids=lambda error: type(error).__name__)
def test_five_failed_looks_in_a_row_halt_and_name_it(stage: Stage, error: ReleveError) -> None:
    step = ScriptedStep([error])
    with pytest.raises(StepHalted, match=error.what) as caught:
        carry_out(step, stage.context(), patience=QUICK)
    assert len(step.calls) == 5
    assert "5 tries in a row" in caught.value.why
    assert step.acts == 0


def test_a_good_look_in_between_starts_the_count_again(stage: Stage) -> None:
    errors = [unavailable()] * 4
    step = ScriptedStep([*errors, PENDING, *errors, DONE])
    assert carry_out(step, stage.context(), patience=QUICK) == DONE


@pytest.mark.parametrize("asked", [1e9, -5.0, float("nan"), float("inf"), 121.0])
def test_an_absurd_wait_is_sat_out_once_up_to_the_cap(stage: Stage, asked: float) -> None:
    limited = RateLimited("slow down", retry_after_seconds=asked, remedy=REMEDY)
    step = ScriptedStep([limited])
    with pytest.raises(StepHalted, match="slow down"):
        carry_out(step, stage.context(), patience=QUICK)
    assert len(step.calls) == 2
    assert stage.clock.monotonic() == pytest.approx(120)


def test_a_busy_act_did_not_happen_and_is_no_act(stage: Stage) -> None:
    busy = Busy("409", remedy=REMEDY)
    step = ScriptedStep([TODO], [busy, busy, busy, DONE])
    assert carry_out(step, stage.context(), patience=SLOW_LISTS) == DONE
    assert stage.clock.monotonic() < 10  # no settle time for what was refused


def test_an_act_that_is_always_busy_halts(stage: Stage) -> None:
    step = ScriptedStep([TODO], [Busy("409", remedy=REMEDY)])
    with pytest.raises(StepHalted, match="409"):
        carry_out(step, stage.context(), patience=QUICK)
    assert step.acts == 5


AT_ONCE = [
    Refused("quota", why="no cores left", remedy=REMEDY),
    Missing("gone", remedy=REMEDY),
    Ambiguous("two of them", remedy=REMEDY),
    Changed("a person changed it", remedy=REMEDY),
    HostKeyMismatch("another key", remedy=REMEDY),
    StepHalted("decide", remedy=REMEDY),
    ConvergeFailed("task failed", remedy=REMEDY),
    CheckFailed("http 500", remedy=REMEDY),
    CommandFailed("exit 1", remedy=REMEDY),
]


@pytest.mark.parametrize("where", ["look", "act"])
@pytest.mark.parametrize("error", AT_ONCE, ids=lambda error: type(error).__name__)
def test_what_only_a_person_can_mend_halts_at_once(
    stage: Stage, error: ReleveError, where: str
) -> None:
    step = ScriptedStep([error]) if where == "look" else ScriptedStep([TODO], [error])
    with pytest.raises(StepHalted) as caught:
        carry_out(step, stage.context(), patience=SLOW_LISTS)
    assert (caught.value.what, caught.value.why, caught.value.remedy) == (
        error.what, error.why, error.remedy,
    )  # fmt: skip
    assert step.acts == (where == "act")
    assert stage.clock.monotonic() == 0
    halted = stage.events()[-1]
    assert halted.kind is EventKind.HALTED
    assert halted.data["error"] == type(error).__name__
    assert halted.data["remedy"] == REMEDY


def test_a_defect_halts_and_says_that_it_is_ours(stage: Stage) -> None:
    with pytest.raises(StepHalted, match="defect of Relève") as caught:
        carry_out(ScriptedStep([KeyError("id")]), stage.context(), patience=QUICK)
    assert "KeyError" in caught.value.why
    assert stage.kinds() == [EventKind.HALTED]


def test_an_output_that_is_no_json_is_a_defect(stage: Stage) -> None:
    with pytest.raises(StepHalted, match="defect of Relève"):
        carry_out(ScriptedStep([Done("x", {"a": object()})]), stage.context(), patience=QUICK)


@pytest.mark.parametrize(
    "error", [JournalError("disk full", remedy=REMEDY), RunHeld("taken over", remedy=REMEDY)]
)
def test_what_ends_the_process_passes_untouched_and_unwritten(
    stage: Stage, error: ReleveError
) -> None:
    with pytest.raises(type(error)) as caught:
        carry_out(ScriptedStep([TODO], [error]), stage.context(), patience=QUICK)
    assert caught.value is error
    assert stage.kinds() == [EventKind.INTENT]


def test_a_lost_lease_keeps_the_act_from_being_sent(stage: Stage, tmp_path: Path) -> None:
    stage.outside.lease.hold(["host blog"])
    for path in (tmp_path / "state" / "leases").iterdir():
        path.unlink()
    step = ScriptedStep([TODO], [DONE])
    with pytest.raises(RunHeld):
        carry_out(step, stage.context(), patience=QUICK)
    assert step.acts == 0


def test_a_cancel_stops_before_the_act(stage: Stage) -> None:
    stage.stop = lambda: True
    step = ScriptedStep([TODO], [DONE])
    with pytest.raises(StopRequested):
        carry_out(step, stage.context(), patience=QUICK)
    assert step.acts == 0
    assert stage.kinds() == [EventKind.NOTE]


def test_a_cancel_does_not_lose_what_is_done(stage: Stage) -> None:
    stage.stop = lambda: True
    assert carry_out(ScriptedStep([DONE]), stage.context(), patience=QUICK) == DONE


def test_a_cancel_ends_a_long_wait_within_a_second(stage: Stage) -> None:
    stage.stop = lambda: stage.clock.monotonic() > 4.2
    with pytest.raises(StopRequested):
        carry_out(ScriptedStep([TODO], [unavailable()]), stage.context(), patience=SLOW_LISTS)
    assert stage.clock.monotonic() < 5.3


def test_strikes_surround_the_act(stage: Stage) -> None:
    struck: list[str] = []
    step = ScriptedStep([TODO], [DONE])
    carry_out(
        step,
        stage.context(),
        patience=QUICK,
        strike=lambda name, instant: struck.append(f"{name} {instant} {step.acts}"),
    )
    assert struck == ["fence after_intent 0", "fence after_effect 1"]


class MayFail(ScriptedStep):
    may_fail: ClassVar[bool] = True


@pytest.mark.parametrize(
    "error",
    [
        StepHalted("the disk cannot be read", why="it is gone", remedy="Look at it"),
        Unavailable("no answer", remedy="wait"),
        Missing("no such instance", remedy="look"),
        ValueError("a defect"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_step_that_may_fail_is_given_up_and_says_why(stage: Stage, error: Exception) -> None:
    done = carry_out(MayFail([error]), stage.context(), patience=QUICK)
    assert done.output[FAILED]
    (given_up, ended) = stage.events()[-2:]
    assert (given_up.kind, ended.kind) == (EventKind.NOTE, EventKind.DONE)
    assert given_up.data["remedy"]
    assert ended.data["output"] == done.output
    assert EventKind.HALTED not in stage.kinds()


@pytest.mark.parametrize(
    "error", [JournalError("full", remedy="free"), RunHeld("held", remedy="wait")]
)
def test_what_must_end_the_process_ends_it_even_where_a_step_may_fail(
    stage: Stage, error: ReleveError
) -> None:
    with pytest.raises(type(error)):
        carry_out(MayFail([error]), stage.context(), patience=QUICK)
