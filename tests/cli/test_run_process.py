"""A run's own process: what it writes is told, bounded, and lost to nobody."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from releve.cli import run_output, run_process
from releve.cli.run_output import Follower, open_output, read_line
from releve.cli.run_process import RunProcess, RunProcesses
from releve.errors import PlanError
from releve.recovery.recover import propose_run
from releve.watch.starting import StartOrder
from releve.wiring import open_state
from tests.cli.test_serving import write_plan

Told = list[tuple[str, dict[str, Any]]]


def keep(told: Told) -> Callable[[str, dict[str, Any]], None]:
    return lambda event, fields: told.append((event, fields))


def until_ended(child: RunProcess) -> int:
    deadline = time.monotonic() + 60
    while (code := child.poll()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.stop(within_seconds=10)
    return code


def follow(path: Path) -> Told:
    told: Told = []
    follower = Follower(path, has_ended=lambda: True, say=keep(told))
    follower._from = 0
    follower.begin().join(20)
    return told


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"event": "step_ended", "at": "x", "step": "fence"}', ("step_ended", {"step": "fence"})),
        ('{"run_id": "r", "state": "DONE"}', ("run_closed", {"run_id": "r", "state": "DONE"})),
        ('{"error": {"what": "no"}}', ("run_failed", {"what": "no"})),
        ("[1]", ("run_output", {"text": "[1]"})),
        ("a\x1b[2Jb", ("run_output", {"text": "a\\x1b[2Jb"})),
        ("   ", ("", {})),
        ("[" * 3000, ("run_output", {"text": "[" * 3000})),
        ('{"event": 3}', ("run_closed", {"event": 3})),
    ],
)
def test_what_a_line_says(line: str, expected: tuple[str, dict[str, Any]]) -> None:
    assert read_line(line) == expected


def test_a_flood_is_cut_and_its_end_is_told(tmp_path: Path) -> None:
    output = tmp_path / "run.jsonl"
    said = [json.dumps({"event": "step_said", "text": str(number)}) for number in range(5000)]
    output.write_text("\n".join([*said, json.dumps({"event": "run_ended"}), "x" * 900_000, "é"]))
    told = follow(output)
    names = [event for event, _ in told]
    assert names[: run_output.MOST_TOLD] == ["step_said"] * run_output.MOST_TOLD
    assert names[run_output.MOST_TOLD :] == ["run_ended", "output_left_out"]
    assert told[-1][1]["lines"] == 5000 - run_output.MOST_TOLD + 2
    assert all(len(json.dumps(fields)) < 2 * run_output.LONGEST_LINE for _, fields in told)


def test_a_process_is_told_from_its_first_line_on_and_may_add_to_what_is_there(
    tmp_path: Path,
) -> None:
    told: Told = []
    output = tmp_path / "output" / "r1.jsonl"
    for _ in range(2):
        child = RunProcess(
            ["--version"], output=output, host="blog", say=keep(told), own_session=True
        )
        assert until_ended(child) == 0
    assert [fields["host"] for _, fields in told] == ["blog", "blog"]
    assert all(fields["text"].startswith("releve ") for _, fields in told)
    assert len(output.read_text().splitlines()) == 2
    assert output.stat().st_mode & 0o077 == 0


def test_a_process_in_a_session_of_its_own(tmp_path: Path) -> None:
    child = RunProcess(
        ["schema"], output=tmp_path / "r.jsonl", host="", say=keep([]), own_session=True
    )
    pid = child._process.pid
    assert os.getsid(pid) == pid != os.getsid(0)
    until_ended(child)


def test_old_output_makes_room(tmp_path: Path) -> None:
    for number in range(run_output.MOST_KEPT + 5):
        file = tmp_path / f"r{number}.jsonl"
        file.touch()
        os.utime(file, (number, number))
    os.close(open_output(tmp_path / "new.jsonl"))
    kept = {file.name for file in tmp_path.iterdir()}
    assert len(kept) == run_output.MOST_KEPT
    assert {"new.jsonl", "r54.jsonl"} <= kept
    assert "r4.jsonl" not in kept


@pytest.fixture
def starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RunProcesses, Told]:
    monkeypatch.setenv("RELEVE_STATE", str(tmp_path / "state"))
    plan = write_plan(tmp_path / "repository", "blog")
    told: Told = []
    return RunProcesses(plan, output_directory=tmp_path / "output", say=keep(told)), told


def test_its_fingerprint_is_that_of_the_run(
    starter: tuple[RunProcesses, Told], tmp_path: Path
) -> None:
    from releve.plan.loading import load_plan  # noqa: PLC0415 - beside what it is held against

    state = open_state()
    loaded = load_plan(tmp_path / "repository" / "releve.yml")
    run = propose_run(loaded, "blog", journal=state.journal, clock=state.clock, options={})
    assert starter[0].fingerprint("blog") == run.fingerprint
    (tmp_path / "repository" / "site.yml").write_text("- hosts: blog\n")
    assert starter[0].fingerprint("blog") != run.fingerprint
    with pytest.raises(PlanError):
        starter[0].fingerprint("nobody")


def test_what_was_not_decided_on_does_not_start(starter: tuple[RunProcesses, Told]) -> None:
    runs, told = starter
    state = open_state()
    order = StartOrder("blog", "", "abcdefghijkl", "0" * 64)
    child = runs.start(order)
    assert isinstance(child, run_process.RunProcess)
    assert until_ended(child) == 2
    assert told[-1][0] == "run_failed"
    assert "is not what was approved" in told[-1][1]["what"]
    assert state.journal.list_runs() == ()


def test_a_run_that_nobody_knows_is_not_resumed(starter: tuple[RunProcesses, Told]) -> None:
    runs, told = starter
    child = runs.resume("abcdefghijkl")
    assert isinstance(child, run_process.RunProcess)
    assert until_ended(child) == 2
    assert told[-1][0] == "run_failed"
