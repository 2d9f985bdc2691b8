"""The pure parts: what the journal says, how long to wait, how a run ends, which steps run when."""

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.errors import JournalError, PlanError, RateLimited, RunHeld, StepHalted, Unavailable
from releve.model.run import EventKind, JournalEvent, Output, RunState
from releve.workflow.carry_out import StopRequested
from releve.workflow.ending import decide_ending
from releve.workflow.history import ACCEPTED, REFUSED, is_uncertain
from releve.workflow.interpreter import Interpretation, choose_steps, interpret
from releve.workflow.patience import Patience
from releve.workflow.step import Step
from tests.fakes.clock import FakeClock
from tests.workflow.toy import LIST, toy_catalogue

INTENT, EFFECT, DONE, HALTED = (
    EventKind.INTENT, EventKind.EFFECT, EventKind.DONE, EventKind.HALTED,
)  # fmt: skip


def event(kind: EventKind, step: str = "fence", *, answer: str = "") -> JournalEvent:
    data = {"answer": answer} if answer else {}
    return JournalEvent("r1", step, kind, FakeClock().now(), "", data=data)


@pytest.mark.parametrize(
    ("events", "uncertain"),
    [
        ([], False),
        ([event(INTENT)], True),
        ([event(INTENT), event(HALTED)], True),
        ([event(INTENT), event(EFFECT, answer=ACCEPTED)], True),
        ([event(INTENT), event(EFFECT, answer=REFUSED)], False),
        ([event(INTENT), event(EFFECT, answer=REFUSED), event(INTENT)], True),
        ([event(INTENT), event(EFFECT, answer=ACCEPTED), event(DONE)], False),
        ([event(INTENT, "create")], False),
    ],
)
def test_an_act_without_a_seen_result_is_uncertain(
    events: list[JournalEvent], *, uncertain: bool
) -> None:
    assert is_uncertain(events, "fence") is uncertain


@given(draw=st.floats(0, 1), tries=st.integers(1, 50))
def test_pauses_grow_within_bounds(draw: float, tries: int) -> None:
    pause = Patience(draw=lambda: draw).pause_after(Unavailable("x", remedy="y"), tries=tries)
    assert 0.25 <= pause <= 30.0


@given(asked=st.floats(allow_nan=True, allow_infinity=True))
def test_no_provider_makes_us_wait_longer_than_the_cap(asked: float) -> None:
    error = RateLimited("x", retry_after_seconds=asked, remedy="y")
    assert 0 <= Patience().pause_after(error, tries=1) <= 120


HALT = StepHalted("task nginx failed", why="no such package", remedy="Mend the playbook.")


def ending_of(failures: Mapping[str, BaseException], done: tuple[str, ...] = (), **kind: bool):  # type: ignore[no-untyped-def] # of the test alone
    return decide_ending(
        "r1",
        ("fence", "converge"),
        Interpretation({name: {} for name in done}, failures),
        undoing=kind.get("undoing", False),
    )


def test_all_done_is_done() -> None:
    assert ending_of({}, ("fence", "converge")).state is RunState.DONE
    assert ending_of({}, ("fence", "converge"), undoing=True).state is RunState.UNDONE


def test_nothing_to_undo_is_cancelled() -> None:
    assert decide_ending("r1", (), Interpretation(), undoing=True).state is RunState.CANCELLED


def test_a_halt_names_step_message_and_the_one_command() -> None:
    ending = ending_of({"converge": HALT}, ("fence",))
    assert ending.state is RunState.NEEDS_PERSON
    assert ending.next_action == (
        "converge: task nginx failed: no such package. Mend the playbook, then `releve resume r1`"
    )
    assert "`releve cancel r1`" in ending_of({"converge": HALT}, undoing=True).next_action


def test_a_cancel_leaves_the_run_pending_with_the_undo_as_next_action() -> None:
    ending = ending_of({"converge": StopRequested()}, ("fence",))
    assert ending.state is RunState.PENDING
    assert "`releve cancel r1`" in ending.next_action


@pytest.mark.parametrize("kind", [JournalError, RunHeld])
def test_what_ends_the_process_wins_over_a_halt(kind: type[JournalError | RunHeld]) -> None:
    error = kind("disk full", remedy="make room")
    with pytest.raises(kind):
        ending_of({"fence": HALT, "converge": error})


def test_a_list_is_in_an_order_that_its_needs_allow(tmp_path: Path) -> None:
    catalogue = toy_catalogue(tmp_path)
    assert [step.name for step in choose_steps(catalogue, tuple(LIST))] == list(LIST)
    for wrong, why in (
        (("alpha", "await"), "'await' needs create before it"),
        (("alpha", "alpha"), "twice"),
        (("alpha", "beta"), "no step 'beta'"),
        (tuple(reversed(list(LIST))), "before it"),
    ):
        with pytest.raises(PlanError, match="cannot be carried out") as caught:
            choose_steps(catalogue, wrong)
        assert why in caught.value.why


def test_what_no_need_holds_back_runs_side_by_side(tmp_path: Path) -> None:
    together = threading.Barrier(3, timeout=10)

    def run_step(step: Step, outputs: Mapping[str, Output]) -> Output:
        del outputs
        if step.name != "last":
            together.wait()
        return {}

    shape = {"a": (), "b": (), "c": (), "last": ("a", "b", "c")}
    steps = tuple(toy_catalogue(tmp_path, shape).values())
    assert interpret(steps, run_step=run_step, may_start=lambda: True).is_complete(steps)


def test_a_failure_lets_siblings_finish_and_starts_nothing_new(tmp_path: Path) -> None:
    failed = threading.Event()
    ran: list[str] = []

    def run_step(step: Step, outputs: Mapping[str, Output]) -> Output:
        del outputs
        if step.name == "fails":
            failed.set()
            raise HALT
        assert failed.wait(10)
        ran.append(step.name)
        return {"by": step.name}

    shape = {"fails": (), "sibling": (), "next": ("sibling",), "later": ("fails",)}
    steps = tuple(toy_catalogue(tmp_path, shape).values())
    result = interpret(steps, run_step=run_step, may_start=lambda: True)
    assert ran == ["sibling"]
    assert result.outputs == {"sibling": {"by": "sibling"}}
    assert result.failures == {"fails": HALT}


def test_outputs_given_to_a_step_are_those_of_what_is_done(tmp_path: Path) -> None:
    seen: dict[str, set[str]] = {}

    def run_step(step: Step, outputs: Mapping[str, Output]) -> Output:
        seen[step.name] = set(outputs)
        return {}

    steps = tuple(toy_catalogue(tmp_path).values())
    interpret(steps, run_step=run_step, may_start=lambda: True, outputs={"before": {}})
    for step in steps:
        assert seen[step.name] >= {"before", *step.needs}
    assert seen["report"] == {"before", *LIST} - {"report"}
