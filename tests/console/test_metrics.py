"""/metrics as Prometheus' own parser reads it, and what the journal adds to it."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from releve.console import last_runs
from releve.errors import JournalError
from releve.model.run import EventKind, JournalEvent, RunInput, RunRecord, RunState
from releve.ports.journal import Journal
from tests.console.doors import Watched, listening
from tests.fakes.journal import PassingJournal

Samples = dict[str, dict[tuple[str, ...], float]]


def scrape(place: str) -> Samples:
    """Metric to label values, sorted by label, to value."""
    text = httpx.get(f"http://{place}/metrics", trust_env=False, timeout=30).text
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def run(run_id: str, *, host: str = "blog", epoch: int = 1, mode: str = "recover") -> RunInput:
    return RunInput(
        format=1,
        run_id=run_id,
        host=host,
        epoch=epoch,
        plan={},
        repository="/repository",
        fingerprint="f" * 64,
        steps=("conclude",),
        proposed_at="2026-11-26T03:15:00+00:00",
        options={"mode": mode},
    )


def conclude(journal: Journal, run_id: str, readiness: str) -> None:
    output = {"output": {"readiness": readiness}}
    at = datetime.now(UTC)
    journal.append(JournalEvent(run_id, "conclude", EventKind.DONE, at, "said", data=output))
    journal.set_state(run_id, RunState.DONE, next_action="")


@pytest.fixture(autouse=True)
def look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_runs, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr("releve.console.application.AGAIN_SECONDS", 0.0)


def test_the_watch_and_its_hosts_are_told(place: str) -> None:
    found = scrape(place)
    assert found["releve_hosts"][("crashed",)] == found["releve_hosts"][("healthy",)] == 1
    assert found["releve_host_state"][("blog", "crashed")] == 1
    assert found["releve_host_state"][("blog", "healthy")] == 0
    assert sum(found["releve_host_state"].values()) == 2
    assert found["releve_host_paused"] == {("blog",): 0, ("shop",): 1}
    assert found["releve_host_reading_age_seconds"] == {("blog",): 1.5}
    assert found["releve_storm_guard_open"] == {(): 1}
    assert found["releve_incidents_open"] == {(): 2}
    assert found["releve_incidents_unsaved"] == {(): 3}
    assert found["releve_watch_turn_age_seconds"] == {(): 0.25}
    assert found["releve_watch_lag_seconds"] == {(): 0.05}
    assert found["releve_notifications_total"] == {("team", "sent"): 4, ("team", "failed"): 1}
    assert found["releve_hook_suspicions_total"][("accepted",)] == 0
    assert found["process_resident_memory_bytes"][()] > 1_000_000


def test_runs_come_from_the_journal_and_follow_it(place: str, watched: Watched) -> None:
    journal = watched.journal
    assert scrape(place).get("releve_last_run_state", {}) == {}
    journal.open_run(run("first"))
    assert scrape(place)["releve_last_run_state"] == {("blog", "recover", "PENDING"): 1}
    journal.set_state("first", RunState.NEEDS_PERSON, next_action="look")
    assert scrape(place)["releve_last_run_state"] == {("blog", "recover", "NEEDS_PERSON"): 1}
    journal.set_state("first", RunState.DONE, next_action="")
    journal.open_run(run("second", epoch=2, mode="drill"))
    conclude(journal, "second", "ready")
    journal.open_run(run("third", host="gone", mode="drill"))  # a host of no plan
    found = scrape(place)
    assert found["releve_last_run_state"] == {
        ("blog", "recover", "DONE"): 1,
        ("blog", "drill", "DONE"): 1,
    }
    assert found["releve_drill_ready"] == {("blog",): 1}
    assert found["releve_last_run_ended_timestamp_seconds"][("blog", "drill")] > 1.7e9
    assert found["releve_last_run_duration_seconds"][("blog", "recover")] >= 0
    journal.open_run(run("fourth", epoch=3, mode="drill"))
    conclude(journal, "fourth", "not ready")
    assert scrape(place)["releve_drill_ready"] == {("blog",): 0}


class BrokenJournal(PassingJournal):
    """Answers, fails or hangs, as told."""

    def __init__(self, inner: Journal) -> None:
        super().__init__(inner)
        self.fails = False
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def list_runs(self, *, host: str = "", limit: int = 100) -> tuple[RunRecord, ...]:
        if self.fails:
            raise JournalError("the journal cannot be read", remedy="look at its disk")
        self.may_go_on.wait(20)
        return self.inner.list_runs(host=host, limit=limit)


def test_a_journal_that_fails_or_hangs_keeps_no_scrape(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_runs, "PATIENCE_SECONDS", 0.2)
    journal = BrokenJournal(watched.journal)
    journal.open_run(run("first"))
    with listening(replace(watched, journal=journal)) as place:
        assert scrape(place)["releve_journal_readable"] == {(): 1}
        journal.fails = True
        found = scrape(place)
        assert found["releve_journal_readable"] == {(): 0}
        assert found["releve_last_run_state"] == {("blog", "recover", "PENDING"): 1}
        journal.fails = False
        journal.may_go_on.clear()
        before = threading.active_count()
        assert [scrape(place)["releve_journal_readable"][()] for _ in range(4)] == [0] * 4
        assert threading.active_count() <= before + 2
        journal.may_go_on.set()
        scrape(place)
        assert scrape(place)["releve_journal_readable"] == {(): 1}
