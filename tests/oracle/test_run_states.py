"""I15: what is said of a run in which the journal tells a state that cannot be."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from releve.model.run import EventKind, JournalEvent, RunInput, RunRecord, RunState
from tests.oracle.oracle import check_run

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
INPUT = RunInput(
    format=1,
    run_id="abcdefghijkl",
    host="web",
    epoch=1,
    plan={},
    repository="",
    fingerprint="",
    steps=(),
    proposed_at="",
)
DONE = RunRecord(INPUT, RunState.DONE, NOW, NOW, "Nothing is left to do")


def event(kind: EventKind, **data: object) -> JournalEvent:
    return JournalEvent("abcdefghijkl", "fence", kind, NOW, "text", data=data)


ENDED = event(EventKind.STATE, state="DONE")
ACTED = event(EventKind.INTENT)


def test_a_right_run_is_clean() -> None:
    assert check_run(DONE, [ACTED, ENDED], earlier=[ACTED]) == []


@pytest.mark.parametrize(
    ("record", "events", "earlier", "said"),
    [
        (replace(DONE, next_action=" "), [ACTED, ENDED], [], "without a next action"),
        (replace(DONE, ended_at=None), [ACTED, ENDED], [], "wrong end time"),
        (replace(DONE, state=RunState.PENDING), [ACTED], [], "wrong end time"),
        (DONE, [ENDED], [ACTED], "rewritten"),
        (DONE, [ENDED, ACTED], [], "after its end"),
    ],
)
def test_a_wrong_one_is_named(
    record: RunRecord, events: list[JournalEvent], earlier: list[JournalEvent], said: str
) -> None:
    assert said in " ".join(check_run(record, events, earlier=earlier))
