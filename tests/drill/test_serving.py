"""When drills are due, and how the server runs them: under a clock that the test holds."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from releve.adapters.store import open_store
from releve.drill.schedule import judge_due
from releve.drill.serving import Server
from releve.model.run import Mode, RunInput, RunRecord, RunState
from releve.plan.rereading import PlanReader
from releve.ports.child import Child
from tests.drill.controller import Drills, make_ground
from tests.fakes.clock import FakeClock
from tests.fakes.journal import PassingJournal
from tests.fakes.world import HOST

SUNDAY = "0 3 * * 0"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)  # a Wednesday
LAST_SUNDAY = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def run(
    began: datetime,
    state: RunState = RunState.DONE,
    *,
    mode: Mode = Mode.DRILL,
    cancelled: bool = False,
) -> RunRecord:
    ended = began + timedelta(minutes=5) if state.is_over else None
    recorded = RunInput(1, "r1", HOST, 1, {}, "/", "f", (), "", options={"mode": mode.value})
    return RunRecord(recorded, state, began, ended, "", cancel_requested=cancelled)


BEFORE, AFTER = LAST_SUNDAY - timedelta(days=6), LAST_SUNDAY + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([run(BEFORE)], True),  # missed while the server was down
        ([run(AFTER), run(BEFORE)], False),
        ([run(AFTER, RunState.UNDONE), run(BEFORE)], False),  # it failed, and said so
        ([run(AFTER, RunState.UNDONE, cancelled=True), run(BEFORE)], True),  # it yielded
        ([run(AFTER, RunState.PENDING), run(BEFORE)], True),  # killed: cleaned up and made again
        ([run(AFTER, RunState.UNDONE, cancelled=True)] * 3, False),
        ([], False),  # never drilled: its first moment is still to come
        ([run(AFTER, RunState.NEEDS_PERSON, mode=Mode.RECOVER), run(BEFORE)], False),
        ([run(AFTER, mode=Mode.RECOVER), run(BEFORE)], True),
    ],
)
def test_when_a_drill_is_due(records: list[RunRecord], *, expected: bool) -> None:
    due = judge_due(SUNDAY, records, serving_since=NOW - timedelta(hours=1), now=NOW)
    assert due.is_due is expected, due.why


def test_a_host_never_drilled_waits_for_its_first_moment() -> None:
    since = LAST_SUNDAY - timedelta(hours=1)
    assert judge_due(SUNDAY, [], serving_since=since, now=NOW).is_due


@dataclass
class FakeChild(Child):
    clock: FakeClock
    seconds: float
    exit_code: int = 0
    stopped: bool = False
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock.monotonic()

    def poll(self) -> int | None:
        return self.exit_code if self.clock.monotonic() - self.began >= self.seconds else None

    def stop(self, *, within_seconds: float) -> None:
        del within_seconds
        self.stopped = True


class JournalOfTheFakeClock(PassingJournal):
    """Runs begin when they were proposed: the real one writes the time of this machine."""

    def list_runs(self, *, host: str = "", limit: int = 100) -> tuple[RunRecord, ...]:
        return tuple(
            replace(run, started_at=datetime.fromisoformat(run.input.proposed_at))
            for run in self.inner.list_runs(host=host, limit=limit)
        )


@dataclass
class Bench:
    """A server over a real journal, whose drills are told to the journal by the test."""

    directory: Path
    clock: FakeClock = field(default_factory=FakeClock)
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    children: list[FakeChild] = field(default_factory=list)

    def serve(self, until: Callable[[], bool], *, drill_seconds: float = 60.0) -> None:
        journal, _lease = open_store(self.directory / "state")

        def start(host: str) -> FakeChild:
            assert host == HOST
            drills = Drills(self.directory)
            drills.clock = self.clock
            made = drills.propose()
            journal.set_state(made.run_id, RunState.DONE, next_action="none")
            self.children.append(FakeChild(self.clock, drill_seconds))
            return self.children[-1]

        plan = self.directory / "repository" / "releve.yml"

        def say(event: str, fields: Mapping[str, Any]) -> None:
            self.events.append((event, fields))

        server = Server(
            PlanReader(plan, require=lambda _loaded: None, say=say),
            journal=JournalOfTheFakeClock(journal),
            clock=self.clock,
            start=start,
            say=say,
        )
        server.serve(until)

    def told(self) -> list[str]:
        return [event for event, _ in self.events]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    make_ground(tmp_path, drill="{schedule: '*/5 * * * *'}")
    return Bench(tmp_path)


def after(clock: FakeClock, seconds: float) -> Callable[[], bool]:
    until = clock.monotonic() + seconds
    return lambda: clock.monotonic() >= until


def test_the_server_drills_once_at_each_moment(bench: Bench) -> None:
    bench.serve(after(bench.clock, 700))
    assert bench.told() == ["drill_due", "drill_ended"] * 2
    assert len(bench.children) == 2


def test_a_stop_leaves_the_drill_at_once(bench: Bench) -> None:
    bench.serve(after(bench.clock, 400), drill_seconds=1e9)
    assert bench.told() == ["drill_due", "drill_left"]
    assert bench.children[0].stopped


def test_a_plan_that_is_broken_meanwhile_is_told_once_and_read_again(bench: Bench) -> None:
    plan = bench.directory / "repository" / "releve.yml"
    good = plan.read_text()
    plan.write_text("version: 1\n")
    mended_at = bench.clock.monotonic() + 100

    def until() -> bool:
        if bench.clock.monotonic() > mended_at:
            plan.write_text(good)
        return bench.clock.monotonic() > mended_at + 300

    bench.serve(until)
    assert bench.told() == ["plan_refused", "plan_accepted", "drill_due", "drill_ended"]


def test_a_host_without_a_schedule_is_left_alone(tmp_path: Path) -> None:
    make_ground(tmp_path)
    bench = Bench(tmp_path)
    bench.serve(after(bench.clock, 4000))
    assert bench.told() == []


def test_the_real_command_says_json_and_ends_on_sigterm(tmp_path: Path) -> None:
    make_ground(tmp_path, drill="{schedule: '0 3 * * 0'}")
    plan = tmp_path / "repository" / "releve.yml"
    plan.write_text(plan.read_text() + "watch: {listen: ''}\n")
    program = "import sys; from releve.cli.main import main; sys.exit(main(sys.argv[1:]))"
    server = subprocess.Popen(
        [sys.executable, "-c", program, "serve"],
        cwd=tmp_path / "repository",
        env={**os.environ, "RELEVE_STATE": str(tmp_path / "served")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    first = json.loads(server.stdout.readline())
    server.send_signal(signal.SIGTERM)
    rest, _ = server.communicate(timeout=60)
    assert first["event"] == "serving"
    assert json.loads(rest.splitlines()[-1])["event"] == "stopped"
    assert server.returncode == 0
