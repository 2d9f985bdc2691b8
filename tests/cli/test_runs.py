"""releve runs and runs show, on a real journal."""

import json
from pathlib import Path

import pytest

from releve.adapters.store import open_store
from releve.cli.main import main
from releve.model.run import EventKind, RunState
from releve.ports.journal import Journal
from tests.report.payloads import PAYLOADS
from tests.report.sample_run import (
    RUN_ID,
    event,
    events_until,
    halted_at,
    make_input,
    make_tasks,
)


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setenv("RELEVE_STATE", str(tmp_path))
    monkeypatch.delenv("RELEVE_DATABASE_URL", raising=False)
    journal, _ = open_store(tmp_path, "")
    return journal


@pytest.fixture
def whole_run(journal: Journal) -> Journal:
    journal.open_run(make_input())
    for item in events_until():
        journal.append(item)
    for task in make_tasks():
        journal.append_task(RUN_ID, "converge", task)
    journal.set_state(RUN_ID, RunState.DONE, next_action="Nothing is left to do")
    return journal


Read = pytest.CaptureFixture[str]


def test_no_run_yet_names_the_next_command(journal: Journal, capsys: Read) -> None:
    del journal
    assert main(["runs"]) == 0
    assert "No run yet. Next: releve check" in capsys.readouterr().out


def test_list_shows_state_host_and_next_action(whole_run: Journal, capsys: Read) -> None:
    del whole_run
    assert main(["runs"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if RUN_ID in line]
    assert "blog.example" in line
    assert "DONE" in line
    assert "Nothing is left to do" in line


def test_list_as_json(whole_run: Journal, capsys: Read) -> None:
    del whole_run
    assert main(["runs", "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert (run["run"], run["host"], run["state"], run["driven"]) == (
        RUN_ID,
        "blog.example",
        "DONE",
        False,
    )


def test_list_of_another_host_is_empty(whole_run: Journal, capsys: Read) -> None:
    del whole_run
    assert main(["runs", "--host", "other.example", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"runs": []}


def test_run_that_nobody_drives_is_interrupted(journal: Journal, capsys: Read) -> None:
    journal.open_run(make_input())
    assert main(["runs"]) == 0
    assert "interrupted" in capsys.readouterr().out


def test_run_under_way_is_told_apart(journal: Journal, tmp_path: Path, capsys: Read) -> None:
    journal.open_run(make_input())
    _, lease = open_store(tmp_path, "")
    lease.hold([f"run {RUN_ID}"])
    try:
        assert main(["runs"]) == 0
    finally:
        lease.release()
    assert "under way" in capsys.readouterr().out


def test_show_tells_the_story(whole_run: Journal, capsys: Read) -> None:
    del whole_run
    assert main(["runs", "show", RUN_ID]) == 0
    told = capsys.readouterr().out
    assert "blog.example is back" in told
    assert "3 of 3 checks from outside fail" in told
    for step in ("gates", "converge", "close"):
        assert f"\n{step} " in told
    assert "Next: Nothing is left to do" in told


def test_show_in_french(whole_run: Journal, capsys: Read) -> None:
    del whole_run
    assert main(["runs", "show", RUN_ID, "--lang", "fr"]) == 0
    assert "blog.example est de nouveau en service" in capsys.readouterr().out


def test_show_of_a_halted_run_names_reason_and_commands(journal: Journal, capsys: Read) -> None:
    journal.open_run(make_input())
    for item in halted_at("verify", "2 checks fail", "Mend them"):
        journal.append(item)
    journal.set_state(RUN_ID, RunState.NEEDS_PERSON, next_action="verify: 2 checks fail.")
    assert main(["runs", "show", RUN_ID]) == 0
    told = capsys.readouterr().out
    for text in (
        "2 checks fail",
        "Mend them",
        f"releve resume {RUN_ID}",
        f"releve cancel {RUN_ID}",
    ):
        assert text in told


def test_a_run_is_closed_as_it_is_without_its_provider(journal: Journal, capsys: Read) -> None:
    journal.open_run(make_input())
    for item in halted_at("verify", "2 checks fail", "Mend them"):
        journal.append(item)
    journal.set_state(RUN_ID, RunState.NEEDS_PERSON, next_action="verify: 2 checks fail.")
    assert main(["cancel", RUN_ID, "--as-it-is", "--yes"]) == 0
    assert "was closed by a person" in capsys.readouterr().out
    assert journal.read_run(RUN_ID).state is RunState.LEFT
    assert main(["resume", RUN_ID]) == 2
    assert "is over: LEFT" in capsys.readouterr().err


def test_show_writes_the_report_where_asked(
    whole_run: Journal, tmp_path: Path, capsys: Read
) -> None:
    del whole_run
    assert main(["runs", "show", RUN_ID, "--report", str(tmp_path / "out"), "--lang", "fr"]) == 0
    page = tmp_path / "out" / f"{RUN_ID}.html"
    assert 'lang="fr"' in page.read_text()
    assert str(page) in capsys.readouterr().out


def test_show_as_json_is_the_report(whole_run: Journal, tmp_path: Path, capsys: Read) -> None:
    del whole_run
    assert main(["runs", "show", RUN_ID, "--json", "--report", str(tmp_path / "out")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["outcome"], told["run"]["run_id"]) == ("recovered", RUN_ID)
    assert Path(told["report"]["html"]).is_file()


def test_unknown_run_is_told_with_the_near_ones(whole_run: Journal, capsys: Read) -> None:
    del whole_run
    assert main(["runs", "show", "k3v9x2m7q1ac"]) == 2
    assert RUN_ID in capsys.readouterr().err


def test_unknown_language_is_told(whole_run: Journal, capsys: Read) -> None:
    del whole_run
    assert main(["runs", "show", RUN_ID, "--lang", "de"]) == 2
    assert "en, fr" in capsys.readouterr().err


@pytest.mark.parametrize("payload", [payload for payload in PAYLOADS if len(payload) < 5000])
def test_nothing_that_was_said_acts_on_the_terminal(
    journal: Journal, payload: str, capsys: Read
) -> None:
    journal.open_run(make_input())
    journal.append(event("confirm", EventKind.HALTED, 1, payload, seconds=1.0, remedy=payload))
    journal.set_state(RUN_ID, RunState.NEEDS_PERSON, next_action=payload)
    assert main(["runs"]) == 0
    assert main(["runs", "show", RUN_ID]) == 0
    told = capsys.readouterr().out
    assert not set(told) & set(map(chr, [*range(10), *range(11, 32), *range(127, 160)]))
    assert not set(told) & set("\u202e\u2066\u200f")
