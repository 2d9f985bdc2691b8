"""releve incidents: the list, the one, its report; and what recover and check say of them."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from releve.adapters.store import open_store
from releve.cli.main import main
from releve.model.incident import IncidentEvent, IncidentEventKind, IncidentState
from releve.model.run import RunState
from releve.model.verdict import HostState
from releve.plan.loading import load_plan
from releve.ports.incident_store import IncidentStore
from releve.recovery.recover import propose_run
from tests.cli.incident_world import HOST, enter_repository, incident_of_today, open_incidents
from tests.fakes.clock import RealClock
from tests.report.payloads import PAYLOADS

NEW = incident_of_today(1)
OLD = incident_of_today(
    2,
    state=IncidentState.CLEARED,
    cleared_at=incident_of_today(2).opened_at + timedelta(seconds=42),
    next_action="Nothing more to do",
)
Read = pytest.CaptureFixture[str]


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter_repository(tmp_path, monkeypatch)


@pytest.fixture
def store(plan: Path, tmp_path: Path) -> IncidentStore:
    del plan
    store = open_incidents(tmp_path)
    opened = IncidentEvent(NEW.incident_id, IncidentEventKind.OPENED, NEW.opened_at, "it began")
    store.save(NEW, opened)
    store.save(OLD)
    return store


def test_none_yet(plan: Path, capsys: Read) -> None:
    del plan
    assert main(["incidents"]) == 0
    assert capsys.readouterr().out == "No incident yet.\n"
    assert main(["incidents", "--open"]) == 0
    assert capsys.readouterr().out == "No incident is open.\n"


def test_newest_is_first_with_what_is_wrong_and_what_to_do(
    store: IncidentStore, capsys: Read
) -> None:
    del store
    assert main(["incidents"]) == 0
    told = capsys.readouterr().out
    assert told.index(NEW.incident_id) < told.index(OLD.incident_id)
    assert "crashed, confirmed" in told
    assert "42\u00a0s" in told
    assert told.splitlines()[-1] == f"Next: releve incidents {NEW.incident_id}"


def test_json_and_choice(store: IncidentStore, capsys: Read) -> None:
    store.save(replace(NEW, incident_id="i-shop", host="shop"))
    assert main(["incidents", "--host", HOST, "--open", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["incidents"]
    assert (told["incident"], told["cause"], told["cleared_at"]) == (
        NEW.incident_id,
        "filesystem-error",
        None,
    )


def test_pauses_are_shown(store: IncidentStore, capsys: Read) -> None:
    del store
    assert main(["pause", HOST, "--until", "2h", "--reason", "new kernel"]) == 0
    capsys.readouterr()
    assert main(["incidents"]) == 0
    assert f"Note: {HOST} is paused until" in capsys.readouterr().out
    assert main(["incidents", "--host", "shop", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pauses"] == []
    assert main(["incidents", NEW.incident_id]) == 0
    assert ": new kernel" in capsys.readouterr().out


def test_one_is_told_from_the_first_sign_on(store: IncidentStore, capsys: Read) -> None:
    del store
    assert main(["incidents", NEW.incident_id]) == 0
    told = capsys.readouterr().out
    assert f"{HOST} is in trouble: its file system stopped writing after an error." in told
    assert "first sign" in told
    assert "it began" in told
    assert f"releve recover {HOST}" in told
    assert main(["incidents", NEW.incident_id, "--lang", "fr"]) == 0
    assert f"{HOST} est en difficulté" in capsys.readouterr().out


def test_its_report_is_written(store: IncidentStore, tmp_path: Path, capsys: Read) -> None:
    del store
    assert main(["incidents", NEW.incident_id, "--report", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["report"]["html"]).read_text().startswith("<!doctype html>")
    assert told["incident"]["incident_id"] == NEW.incident_id


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["i-nothing"], "there is no incident 'i-nothing'"),
        (["--report", "out"], "a report is of one incident"),
        ([NEW.incident_id, "--open"], "a choice of several"),
        ([NEW.incident_id, "--lang", "de"], "no report in the language"),
    ],
)
def test_what_is_refused(
    store: IncidentStore, capsys: Read, arguments: list[str], says: str
) -> None:
    del store
    assert main(["incidents", *arguments]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "Do this: " in told


@pytest.mark.parametrize("payload", [text for text in PAYLOADS if len(text) < 5000][19:24])
def test_what_a_host_said_does_not_act(store: IncidentStore, capsys: Read, payload: str) -> None:
    poisoned = replace(NEW, verdict=replace(NEW.verdict, reason=payload), next_action=payload)
    store.save(poisoned)
    for arguments in ([], [NEW.incident_id]):
        assert main(["incidents", *arguments]) == 0
        assert not {"\x1b", "\x07", "\r", "\u202e"} & set(capsys.readouterr().out)


def test_a_run_is_shown_in_the_timeline_of_its_incident(
    plan: Path, store: IncidentStore, tmp_path: Path, capsys: Read
) -> None:
    del store
    journal, _ = open_store(tmp_path / "state")
    options = {"incident": NEW.incident_id}
    run = propose_run(load_plan(plan), HOST, journal=journal, clock=RealClock(), options=options)
    journal.open_run(run)
    assert main(["incidents", NEW.incident_id, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["runs"]
    assert told["run"]["run_id"] == run.run_id


def test_recover_refuses_an_incident_of_another_host(
    store: IncidentStore, tmp_path: Path, capsys: Read
) -> None:
    store.save(replace(NEW, incident_id="i-shop", host="shop"))
    assert main(["recover", HOST, "--yes", "--incident", "i-shop"]) == 2
    assert "is not of web.example.org" in capsys.readouterr().err
    journal, _ = open_store(tmp_path / "state")
    assert journal.list_runs() == ()


def test_recover_refuses_what_was_not_decided_on(
    store: IncidentStore, tmp_path: Path, capsys: Read
) -> None:
    del store
    order = ["--run-id", "abcdefghijkl", "--fingerprint", "f" * 64]
    assert main(["recover", HOST, "--yes", *order]) == 2
    assert "is not what was approved" in capsys.readouterr().err
    assert main(["recover", HOST, "--yes", "--run-id", "../../etc"]) == 2
    assert "no id of a run" in capsys.readouterr().err
    journal, _ = open_store(tmp_path / "state")
    assert journal.list_runs() == ()


def test_the_open_death_is_the_one_that_a_recovery_answers(store: IncidentStore) -> None:
    from releve.watch.belonging import name_incident  # noqa: PLC0415 - the one test that needs it

    degraded = replace(NEW.verdict, state=HostState.DEGRADED)
    later = NEW.opened_at + timedelta(seconds=1)
    store.save(replace(NEW, incident_id="i-later", verdict=degraded, opened_at=later))
    assert name_incident(HOST, "", store=store)["incident"] == NEW.incident_id


def test_an_order_given_twice_is_one_run(
    plan: Path, store: IncidentStore, tmp_path: Path, capsys: Read
) -> None:
    """The watch may give it again after a crash: the run that is there is gone on with."""
    del store
    journal, _ = open_store(tmp_path / "state")
    run = propose_run(
        load_plan(plan),
        HOST,
        journal=journal,
        clock=RealClock(),
        options={"incident": NEW.incident_id},
        run_id="abcdefghijkl",
    )
    journal.open_run(run)
    journal.set_state(run.run_id, RunState.DONE, next_action="Nothing is left to do")
    order = ["--incident", NEW.incident_id, "--run-id", run.run_id]
    assert main(["recover", HOST, "--yes", *order, "--fingerprint", run.fingerprint]) == 2
    assert f"run {run.run_id} is over" in capsys.readouterr().err
    assert len(journal.list_runs()) == 1
