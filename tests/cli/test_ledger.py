"""releve ledger on real stores: the line, the tree, the page."""

import json
import shutil
from pathlib import Path

import pytest

from releve.adapters.store import open_observed_store
from releve.cli.main import main
from releve.model.observed import FactKind, ScanRole
from tests.drift.machines import Machine
from tests.ledger.stored_host import HOST, make_live, save, save_all
from tests.plan.broken_plans import GOOD
from tests.report.payloads import PAYLOADS

Read = pytest.CaptureFixture[str]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(GOOD, tmp_path / "repository")
    monkeypatch.chdir(tmp_path / "repository")
    monkeypatch.setenv("RELEVE_STATE", str(tmp_path / "state"))
    for name in ("RELEVE_DATABASE_URL", "RELEVE_KEY_FILE", "RELEVE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    save_all(open_observed_store(tmp_path / "state")[0])
    return tmp_path / "state"


def test_the_line_comes_first_then_findings_then_blind_spots(state: Path, capsys: Read) -> None:
    del state
    assert main(["ledger", HOST]) == 0
    told = capsys.readouterr().out.splitlines()
    # the plan's volumes are not mounted on this made-up host: that is data at risk
    assert told[0] == "8 facts: 4 base, 2 playbook, 1 unexplained, 1 blind spot."
    assert told.index("Security") < told.index("Blind spots")
    assert "User deploy is in no playbook" in told[told.index("Security") + 1]
    assert told[-3] == "  database_role: no login"
    assert told[-2] == "every file that codify may need is kept"
    assert told[-1] == f"Next: releve ledger {HOST} --at /etc"


def test_the_tree_can_be_walked(state: Path, capsys: Read) -> None:
    del state
    assert main(["ledger", HOST, "--at", "/var"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("/var\n3 facts: 1 base, 2 playbook.\n")
    assert "www" in told
    assert main(["ledger", HOST, "--at", "user"]) == 0
    assert "User deploy is in no playbook" in capsys.readouterr().out
    assert main(["ledger", HOST, "--at", "/vra"]) == 2
    assert "var" in capsys.readouterr().err


def test_as_json(state: Path, capsys: Read) -> None:
    del state
    assert main(["ledger", HOST, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["facts"], told["at"]) == (8, "/")
    assert sum(told["tree"]["counts"].values()) == 8
    assert "deploy" in str(told["findings"])
    assert "masked" not in told
    assert told["blind_spots"] == [
        {"kind": "not_checked", "key": "database_role", "why": "no login"}
    ]


def test_what_is_hidden_is_listed_on_demand(state: Path, capsys: Read) -> None:
    live = make_live().change(FactKind.USER, "deploy", uid="1004")
    store, _ = open_observed_store(state)
    later = "2026-11-23T12:00:00+00:00"
    volume = live.directory("/srv/data").file("/srv/data/upload.jpg")
    save(store, ScanRole.LIVE, volume.facts(), scan_id="later", taken_at=later)
    assert main(["ledger", HOST, "--masked"]) == 0
    told = capsys.readouterr().out
    assert "/srv/data/upload.jpg" in told
    assert told.endswith("That is all.\n")


def test_the_page_is_written_where_asked(state: Path, tmp_path: Path, capsys: Read) -> None:
    del state
    page = tmp_path / "ledger.html"
    assert main(["ledger", HOST, "--html", str(page), "--lang", "fr"]) == 0
    assert '<html lang="fr">' in page.read_text()
    assert str(page) in capsys.readouterr().out
    assert page.stat().st_mode & 0o077 == 0
    assert main(["ledger", HOST, "--html", str(tmp_path / "no" / "x.html")]) == 1
    assert "Do this" in capsys.readouterr().err


def test_a_host_of_no_plan_or_without_scans_is_told(state: Path, capsys: Read) -> None:
    assert main(["ledger", "web.example.com"]) == 2
    assert "no host" in capsys.readouterr().err
    shutil.rmtree(state)
    assert main(["ledger", HOST]) == 2
    assert f"releve scan {HOST}" in capsys.readouterr().err


def test_nothing_that_was_said_acts_on_the_terminal(state: Path, capsys: Read) -> None:
    machine: Machine = make_live()
    for payload in (payload for payload in PAYLOADS if len(payload) < 5000):
        machine.file(f"/etc/{payload}", owner=payload).put(FactKind.USER, payload, home=payload)
        machine.put(FactKind.NOT_CHECKED, f"user:{payload}", why=payload)
    store, _ = open_observed_store(state)
    later = "2026-11-23T12:00:00+00:00"
    save(store, ScanRole.LIVE, machine.facts(), scan_id="hostile", taken_at=later)
    for arguments in ((), ("--at", "/etc"), ("--masked",), ("--at", "user")):
        assert main(["ledger", HOST, *arguments]) == 0
    told = capsys.readouterr().out
    assert told.count("alert(1)") > 5
    assert not set(told) & set(map(chr, [*range(10), *range(11, 32), *range(127, 160)]))
    assert not set(told) & set("\u202e\u2066\u200f")
