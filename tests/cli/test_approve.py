"""releve approve: bound to what was shown, refused where a yes could start nothing."""

import getpass
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from releve.adapters.store import open_store
from releve.cli.main import main
from releve.model.incident import IncidentEventKind, IncidentState
from releve.model.verdict import Cause, HostState
from releve.plan.loading import load_plan
from releve.ports.incident_store import IncidentStore
from releve.recovery.catalogue import steps_for
from releve.recovery.fingerprint import fingerprint
from releve.recovery.recover import freeze_plan, propose_run
from tests.cli.incident_world import HOST, enter_repository, incident_of_today, open_incidents
from tests.fakes.clock import RealClock
from tests.report.payloads import PAYLOADS

INCIDENT = incident_of_today()
ID = INCIDENT.incident_id
Read = pytest.CaptureFixture[str]


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter_repository(tmp_path, monkeypatch)


@pytest.fixture
def store(plan: Path, tmp_path: Path) -> IncidentStore:
    del plan
    store = open_incidents(tmp_path)
    store.save(INCIDENT)
    return store


def fingerprint_now(plan: Path) -> str:
    loaded = load_plan(plan)
    return fingerprint(freeze_plan(loaded, loaded.host(HOST)), loaded.repository)


def test_what_will_run_is_shown_and_the_yes_is_bound_to_it(
    plan: Path, store: IncidentStore, capfd: Read
) -> None:
    assert main(["approve", ID, "--yes"]) == 0
    told = capfd.readouterr().out
    assert INCIDENT.verdict.reason in told
    assert all(testimony.text in told for testimony in INCIDENT.verdict.testimonies)
    for name in steps_for(load_plan(plan).host(HOST)):
        assert f"\n{name} " in told
    approval = store.find_approval(ID)
    assert approval is not None
    assert approval.fingerprint == fingerprint_now(plan)
    assert (approval.host, approval.by) == (HOST, getpass.getuser())
    assert approval.expires - approval.at == timedelta(hours=1)
    (event,) = store.read_events(ID)
    assert event.kind is IncidentEventKind.APPROVED
    assert event.data["fingerprint"] == approval.fingerprint
    assert store.use_approval(approval)


def test_the_plan_says_how_long_it_lasts(plan: Path, store: IncidentStore, capfd: Read) -> None:
    plan.write_text(plan.read_text() + "watch:\n  approval_lasts: 10m\n")
    assert main(["approve", ID, "--yes", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    approval = store.find_approval(ID)
    assert approval is not None
    assert approval.expires - approval.at == timedelta(minutes=10)
    assert told["incident"] == ID
    assert told["fingerprint"] == approval.fingerprint


def answer_by(act: Callable[[], None]) -> Callable[..., bool]:
    def confirm(text: str, **options: object) -> bool:
        del text, options
        act()
        return True

    return confirm


def test_a_plan_that_changes_while_a_person_thinks_is_not_approved(
    plan: Path, store: IncidentStore, capfd: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    playbook = plan.parent / "site.yml"

    def edit() -> None:
        playbook.write_text(playbook.read_text() + "\n# one more line\n")

    monkeypatch.setattr(typer, "confirm", answer_by(edit))
    assert main(["approve", ID]) == 2
    assert "is not what was approved" in capfd.readouterr().err
    assert store.find_approval(ID) is None
    assert store.read_events(ID) == ()


def test_one_that_is_over_while_a_person_thinks_is_not_approved(
    store: IncidentStore, capfd: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = replace(INCIDENT, state=IncidentState.CLEARED)
    monkeypatch.setattr(typer, "confirm", answer_by(lambda: store.save(over)))
    assert main(["approve", ID]) == 2
    assert "it is over" in capfd.readouterr().err
    assert store.find_approval(ID) is None


def test_a_no_approves_nothing(
    store: IncidentStore, capfd: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> bool:
        raise typer.Abort

    monkeypatch.setattr(typer, "confirm", refuse)
    assert main(["approve", ID]) == 1
    assert "not confirmed" in capfd.readouterr().err
    assert store.find_approval(ID) is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": IncidentState.CLEARED}, "it is over"),
        ({"state": IncidentState.OPEN}, "not confirmed by two witnesses"),
        (
            {"verdict": replace(INCIDENT.verdict, state=HostState.DEGRADED, cause=Cause.DISK_FULL)},
            "a recovery replaces a dead one",
        ),
        ({"host": "shop"}, "the plan has no host shop"),
    ],
    ids=["over", "not confirmed", "not dead", "not in the plan"],
)
def test_where_a_yes_could_start_nothing_it_is_refused(
    store: IncidentStore, capfd: Read, changes: dict[str, object], says: str
) -> None:
    store.save(replace(INCIDENT, **changes))  # type: ignore[arg-type] # fields by name
    assert main(["approve", ID, "--yes"]) == 2
    told = capfd.readouterr()
    assert says in told.err
    assert "Do this: " in told.err
    assert told.out == ""
    assert store.find_approval(ID) is None


def test_a_host_under_a_run_is_refused(
    plan: Path, store: IncidentStore, tmp_path: Path, capfd: Read
) -> None:
    journal, _ = open_store(tmp_path / "state")
    run = propose_run(load_plan(plan), HOST, journal=journal, clock=RealClock(), options={})
    journal.open_run(run)
    assert main(["approve", ID, "--yes"]) == 1
    assert f"releve resume {run.run_id}" in capfd.readouterr().err
    assert store.find_approval(ID) is None


def test_a_misspelt_id_names_the_near_one(store: IncidentStore, capfd: Read) -> None:
    del store
    assert main(["approve", ID[:-1], "--yes"]) == 2
    assert ID in capfd.readouterr().err


@pytest.mark.parametrize("payload", ["\x1b[2J\x1b]0;owned\x07", PAYLOADS[20], "a\nb\rc"])
def test_what_a_host_said_does_not_act(store: IncidentStore, capfd: Read, payload: str) -> None:
    store.save(replace(INCIDENT, verdict=replace(INCIDENT.verdict, reason=payload)))
    assert main(["approve", ID, "--yes"]) == 0
    assert not {"\x1b", "\x07", "\r"} & set(capfd.readouterr().out)


def test_a_pause_that_holds_is_told(store: IncidentStore, capfd: Read) -> None:
    assert main(["pause", "--all", "--reason", "new kernel"]) == 0
    assert main(["approve", ID, "--yes"]) == 0
    assert "It waits as long as every host is paused" in capfd.readouterr().out
    assert store.find_approval(ID) is not None
