"""What every journal must hold to; on SQLite, and on PostgreSQL where it is installed."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releve.adapters.store import open_store
from releve.errors import PlanError
from releve.model.converge import TaskEvent, Touch, TouchKind
from releve.model.run import EventKind, JournalEvent, RunState
from releve.ports.journal import Journal
from tests.workflow.toy import toy_run

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)

Reopen = Callable[[], Journal]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    """Opens the same journal, as a further process would."""
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    return lambda: open_store(tmp_path / "state", url)[0]


@pytest.fixture
def journal(reopen: Reopen) -> Journal:
    return reopen()


def event(run_id: str = "toyrun", **changes: object) -> JournalEvent:
    plain = JournalEvent(run_id, "fence", EventKind.INTENT, NOON, "it still runs")
    return replace(plain, **changes)  # type: ignore[arg-type] # fields by name


def test_a_run_is_read_back_as_it_was_opened(journal: Journal, reopen: Reopen) -> None:
    run = replace(toy_run(), plan={"volumes": {"data": {"mount": "/srv", "size": None}}})
    journal.open_run(run)
    record = reopen().read_run("toyrun")
    assert record.input == run
    assert record.state is RunState.PENDING
    assert record.ended_at is None
    assert not record.cancel_requested
    assert abs(datetime.now(UTC) - record.started_at) < timedelta(minutes=1)


def test_the_same_input_twice_is_one_run(journal: Journal) -> None:
    journal.open_run(toy_run())
    journal.set_state("toyrun", RunState.NEEDS_PERSON, next_action="Mend it")
    journal.open_run(toy_run())
    assert [record.state for record in journal.list_runs()] == [RunState.NEEDS_PERSON]


def test_another_input_under_the_same_id_is_refused(journal: Journal) -> None:
    journal.open_run(toy_run())
    with pytest.raises(PlanError, match="toyrun is recorded with another input"):
        journal.open_run(replace(toy_run(), fingerprint="1" * 64))
    assert journal.read_run("toyrun").input == toy_run()


def test_epochs_count_up_per_host(journal: Journal) -> None:
    assert journal.next_epoch("blog") == 1
    journal.open_run(replace(toy_run("one"), epoch=7))
    journal.open_run(replace(toy_run("two"), epoch=3))
    journal.open_run(replace(toy_run("other", host="shop"), epoch=7))
    assert (journal.next_epoch("blog"), journal.next_epoch("shop")) == (8, 8)


def test_a_run_proposed_before_another_began_is_refused(journal: Journal) -> None:
    stale, quick = (replace(toy_run(name), epoch=1) for name in ("stale", "quick"))
    journal.open_run(quick)
    with pytest.raises(PlanError, match="another run of blog began"):
        journal.open_run(stale)
    assert [record.input.run_id for record in journal.list_runs()] == ["quick"]


def test_events_come_back_whole_and_in_order(journal: Journal, reopen: Reopen) -> None:
    journal.open_run(toy_run())
    written = [
        event(data={"seconds": 1.5, "output": {"ids": ["a", "b"], "none": None}}),
        event(kind=EventKind.EFFECT, at=NOON - timedelta(days=1), attempt=2),
        event(step="", kind=EventKind.NOTE, text=""),
    ]
    for one in written:
        journal.append(one)
    assert reopen().read_events("toyrun") == tuple(written)


def test_a_time_with_another_offset_is_the_same_moment(journal: Journal) -> None:
    journal.open_run(toy_run())
    local = datetime.fromisoformat("2026-11-22T14:00:00+02:00")
    journal.append(event(at=local))
    assert journal.read_events("toyrun")[0].at == local


def test_each_change_of_state_is_also_an_event(journal: Journal) -> None:
    journal.open_run(toy_run())
    journal.set_state("toyrun", RunState.NEEDS_PERSON, next_action="Mend the playbook")
    journal.set_state("toyrun", RunState.PENDING, next_action="Under way")
    journal.set_state("toyrun", RunState.DONE, next_action="Read the report")
    record = journal.read_run("toyrun")
    assert (record.state, record.next_action) == (RunState.DONE, "Read the report")
    assert record.ended_at is not None
    told = [(one.kind, one.data["state"], one.text) for one in journal.read_events("toyrun")]
    assert told == [
        (EventKind.STATE, "NEEDS_PERSON", "Mend the playbook"),
        (EventKind.STATE, "PENDING", "Under way"),
        (EventKind.STATE, "DONE", "Read the report"),
    ]


@pytest.mark.parametrize("state", [RunState.NEEDS_PERSON, RunState.PENDING])
def test_a_run_that_waits_has_not_ended(journal: Journal, state: RunState) -> None:
    journal.open_run(toy_run())
    journal.set_state("toyrun", state, next_action="")
    assert journal.read_run("toyrun").ended_at is None


def test_a_cancel_is_seen_by_other_processes(journal: Journal, reopen: Reopen) -> None:
    journal.open_run(toy_run())
    reopen().request_cancel("toyrun")
    assert journal.read_run("toyrun").cancel_requested
    assert journal.read_run("toyrun").state is RunState.PENDING


def test_a_run_that_is_not_there_names_near_ones(journal: Journal) -> None:
    journal.open_run(toy_run("abcdef123456"))
    for ask in (journal.read_run, journal.request_cancel):
        with pytest.raises(PlanError) as caught:
            ask("abcdef123465")
        assert "abcdef123456" in caught.value.why
        assert caught.value.remedy
    with pytest.raises(PlanError):
        journal.set_state("nothing", RunState.DONE, next_action="")
    assert journal.read_events("nothing") == ()


def test_runs_are_listed_newest_first(journal: Journal) -> None:
    for name in ("one", "two", "three"):
        journal.open_run(toy_run(name, host="shop" if name == "two" else "blog"))
    assert [record.input.run_id for record in journal.list_runs()] == ["three", "two", "one"]
    assert [record.input.run_id for record in journal.list_runs(host="shop")] == ["two"]
    assert [record.input.run_id for record in journal.list_runs(limit=1)] == ["three"]


def test_tasks_come_back_whole_and_in_order(journal: Journal) -> None:
    journal.open_run(toy_run())
    first = TaskEvent(
        host="blog",
        play="site",
        task="copy {{ lookup('pipe', 'id') }}",
        role="nginx",
        location="roles/nginx/tasks/main.yml:3",
        action="ansible.builtin.copy",
        status="changed",
        started_at="2026-11-22T12:00:00+00:00",
        seconds=0.25,
        touches=(Touch(TouchKind.PATH, "/etc/nginx/nginx.conf"), Touch(TouchKind.UNIT, "nginx")),
    )
    second = replace(first, status="failed", touches=(), message="no space left")
    journal.append_task("toyrun", "converge", first)
    journal.append_task("toyrun", "converge", second)
    assert journal.read_tasks("toyrun") == (first, second)


def test_a_task_that_touches_too_much_keeps_its_first_touches(journal: Journal) -> None:
    journal.open_run(toy_run())
    touches = tuple(Touch(TouchKind.PATH, f"/srv/{n}" + "x" * 100) for n in range(5_000))
    plain = TaskEvent("blog", "p", "t", "", "l", "a", "ok", "2026-11-22T12:00:00+00:00", 1.0)
    journal.append_task("toyrun", "converge", replace(plain, touches=touches))
    (kept,) = journal.read_tasks("toyrun")
    assert 0 < len(kept.touches) < len(touches)
    assert kept.touches == touches[: len(kept.touches)]


def test_past_seconds_are_those_of_finished_runs_of_the_host(journal: Journal) -> None:
    def live(run_id: str, seconds: float, *, state: RunState, host: str = "blog") -> None:
        journal.open_run(toy_run(run_id, host=host))
        for kind, value in ((EventKind.DONE, 99.0), (EventKind.DONE, seconds)):
            journal.append(event(run_id, kind=kind, data={"seconds": value}))
        journal.append(event(run_id, kind=EventKind.HALTED, data={"seconds": 77.0}))
        journal.set_state(run_id, state, next_action="")

    for number in range(12):
        live(f"run{number}", float(number), state=RunState.DONE)
    live("other", 55.0, state=RunState.DONE, host="shop")
    live("halted", 66.0, state=RunState.NEEDS_PERSON)
    newest_first = tuple(float(number) for number in range(11, 1, -1))
    assert journal.past_seconds("blog") == {"fence": newest_first}
    assert journal.past_seconds("nobody") == {}


HOSTILE = (
    "'; drop table releve_run; --",
    "\0 nul \x1b[2J escape \r\n",
    "\ud800 lone surrogate",
    "{{ lookup('pipe', 'id') }} {% raw %} !!python/object:os.system",
    "🦊 \u202e right to left",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_data(journal: Journal, text: str) -> None:
    journal.open_run(toy_run())
    journal.append(event(text=text, data={text: [text]}))
    journal.set_state("toyrun", RunState.NEEDS_PERSON, next_action=text)
    (stored, _state) = journal.read_events("toyrun")
    cleaned = text.replace("\0", "\ufffd").replace("\ud800", "?")
    assert stored.text == cleaned
    assert stored.data == {text: [text]}
    assert journal.read_run("toyrun").next_action == cleaned


def test_what_is_too_long_is_cut_and_says_so(journal: Journal) -> None:
    journal.open_run(toy_run())
    journal.append(event(text="x" * 1_000_000, data={"output": "y" * 1_000_000}))
    (stored,) = journal.read_events("toyrun")
    assert len(stored.text) == 4_000
    assert stored.text.endswith("[…cut]")
    assert stored.data["cut"] is True
    assert stored.data["characters"] > 1_000_000
    assert len(json.dumps(stored.data)) <= 64 * 1024


def test_writers_side_by_side_lose_nothing(journal: Journal, reopen: Reopen) -> None:
    journal.open_run(toy_run())

    def write(writer: int) -> None:
        own = reopen() if writer % 2 else journal
        for number in range(25):
            own.append(event(text=f"{writer} {number}"))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = [one.text for one in journal.read_events("toyrun")]
    assert sorted(texts) == sorted(f"{writer} {n}" for writer in range(4) for n in range(25))
    for writer in range(4):
        own = [text for text in texts if text.startswith(f"{writer} ")]
        assert own == [f"{writer} {number}" for number in range(25)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.dictionaries(st.text(max_size=10), json_values, max_size=4))
def test_any_json_survives(journal: Journal, data: dict[str, object]) -> None:
    journal.open_run(toy_run())
    journal.append(event(data=data))
    assert journal.read_events("toyrun")[-1].data == data
