"""What is shown of a run under way: to a person, to a pipe, to a program."""

import io
import json
import re
import threading
from collections.abc import Callable

import pytest

from releve.cli.live import JsonLines, LiveView, PlainLines
from releve.cli.remaining import estimate_rest
from releve.model.run import EventKind, RunState
from releve.workflow.observer import Observer
from tests.fakes.clock import FakeClock
from tests.report.payloads import PAYLOADS
from tests.report.sample_run import RUN_ID, make_input

NEEDS = {
    "fence": (),
    "create_instance": (),
    "converge": ("create_instance",),
    "verify": ("converge",),
}
PAST = {"fence": (2.0,), "create_instance": (4.0, 6.0), "converge": (70.0,), "verify": (3.0,)}


class TerminalFile(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen() -> TerminalFile:
    return TerminalFile()


@pytest.fixture
def view(screen: TerminalFile, monkeypatch: pytest.MonkeyPatch) -> LiveView:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    return LiveView(needs=NEEDS, past=PAST, file=screen)


def play(observer: Observer, *, text: str = "Install MariaDB") -> None:
    """Two steps side by side, one after them, then an end that needs a person."""
    observer.step_started("fence", "power the old instance off")
    observer.step_started("create_instance", "create the new one")
    observer.step_ended("fence", EventKind.DONE, "blog-1 is off", seconds=1.6)
    observer.step_ended("create_instance", EventKind.DONE, "it is there", seconds=4.0)
    observer.step_started("converge", "run site.yml")
    observer.step_said("converge", text)
    observer.step_ended("converge", EventKind.HALTED, text, seconds=70.0)
    observer.run_ended(RunState.NEEDS_PERSON, f"{text}; then releve resume {RUN_ID}")


def test_terminal_shows_each_step_and_the_end(view: LiveView, screen: TerminalFile) -> None:
    play(view)
    told = screen.getvalue().replace("\u00a0", " ")
    for text in ("✓", "blog-1 is off", "1.6 s", "✗", "NEEDS_PERSON", f"releve resume {RUN_ID}"):
        assert text in told


def test_terminal_shows_the_task_under_way_and_the_rest(
    view: LiveView, screen: TerminalFile
) -> None:
    view.step_ended("fence", EventKind.DONE, "done before", seconds=0.0)
    view.step_ended("create_instance", EventKind.DONE, "done before", seconds=0.0)
    view.step_started("converge", "run site.yml")
    view.step_said("converge", "Install MariaDB")
    wait_until(lambda: "Install MariaDB" in screen.getvalue())
    view.step_ended("converge", EventKind.DONE, "converged", seconds=1.0)
    told = screen.getvalue().replace("\u00a0", " ")
    assert "about 1 min 13 s to go by earlier runs" in told


def test_cursor_is_shown_again_once_nothing_runs(view: LiveView, screen: TerminalFile) -> None:
    play(view)
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    assert screen.getvalue().count(hidden) == screen.getvalue().count(shown) >= 2
    assert screen.getvalue().rindex(shown) > screen.getvalue().rindex(hidden)


def test_interruption_shows_the_cursor_and_the_way_on(view: LiveView, screen: TerminalFile) -> None:
    view.step_started("converge", "run site.yml")
    view.run_interrupted(f"The run goes on with `releve resume {RUN_ID}`")
    told = screen.getvalue()
    assert told.rindex("\x1b[?25h") > told.rindex("\x1b[?25l")
    assert f"releve resume {RUN_ID}" in told
    view.step_ended("converge", EventKind.NOTE, "stopped", seconds=1.0)


def test_steps_of_many_threads_are_all_shown(view: LiveView, screen: TerminalFile) -> None:
    def run_step(number: int) -> None:
        for turn in range(20):
            name = f"step{number}-{turn}"
            view.step_started(name, "begin")
            view.step_said(name, "look")
            view.step_ended(name, EventKind.DONE, f"end of {name}.", seconds=0.1)

    threads = [threading.Thread(target=run_step, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "the view must not hold a step up"
    for number in range(8):
        for turn in range(20):
            assert f"end of step{number}-{turn}." in screen.getvalue()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_terminal_lets_nothing_act(view: LiveView, screen: TerminalFile, payload: str) -> None:
    play(view, text=payload)
    ours = re.compile(r"\x1b\[(\?25[lh]|[0-9;]*m|2K|1A|[0-9]*A)|\r|\n")
    rest = ours.sub("", screen.getvalue())
    assert not set(rest) & set(map(chr, [*range(32), *range(127, 160)]))
    assert "]0;owned\x07" not in screen.getvalue()


def test_pipe_gets_one_plain_line_per_event() -> None:
    file, clock = io.StringIO(), FakeClock()
    lines = PlainLines(file=file, monotonic=clock.monotonic)
    lines.step_started("fence", "power it off")
    clock.sleep(12.3)
    lines.step_said("fence", "line\nbreak \x1b[2J [/foo]")
    lines.step_ended("fence", EventKind.DONE, "it is off", seconds=12.3)
    assert file.getvalue().splitlines() == [
        "     0.0 s  fence: power it off",
        "    12.3 s  fence: line\\x0abreak \\x1b[2J [/foo]",
        "    12.3 s  fence done in 12.3 s: it is off",
    ]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_program_gets_one_json_object_per_line(payload: str) -> None:
    file = io.StringIO()
    play(JsonLines(make_input(), file=file), text=payload)
    objects = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [item["event"] for item in objects] == [
        *("step_started", "step_started", "step_ended", "step_ended"),
        *("step_started", "step_said", "step_ended", "run_ended"),
    ]
    assert objects[5]["text"] == payload
    assert {item["run"] for item in objects} == {RUN_ID}
    assert file.getvalue().isascii()


def wait_until(holds: Callable[[], bool]) -> None:
    give_up = threading.Event()
    for _ in range(200):
        if holds():
            return
        give_up.wait(0.05)
    raise AssertionError("it did not come to pass")


# the rest to be expected


@pytest.mark.parametrize(
    ("done", "running", "rest"),
    [
        (set(), {}, 78.0),
        (set(), {"create_instance": 2.0, "fence": 1.0}, 76.0),
        ({"create_instance"}, {"converge": 60.0}, 13.0),
        ({"create_instance"}, {"converge": 600.0}, 3.0),
        (set(NEEDS), {}, 0.0),
        (set(), {"undo_fence": 1.0}, None),
    ],
)
def test_rest_is_the_longest_chain(
    done: set[str], running: dict[str, float], rest: float | None
) -> None:
    assert estimate_rest(NEEDS, past=PAST, done=done, running=running) == rest


def test_rest_is_unknown_where_a_step_has_no_past() -> None:
    assert estimate_rest(NEEDS, past={"fence": (2.0,)}, done=set(), running={}) is None
    assert (
        estimate_rest(NEEDS, past={"verify": (3.0,)}, done={*NEEDS} - {"verify"}, running={}) == 3.0
    )
