"""What a person, a pipe or a program sees of a run while it goes on."""

import atexit
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TextIO

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from releve.cli.remaining import estimate_rest
from releve.cli.terminal import Terminal, clean
from releve.model.run import EventKind, RunInput, RunState
from releve.ports.journal import Journal
from releve.recovery.report.language import wording_for
from releve.workflow.observer import Observer

_FRAMES_PER_SECOND: Final = 8
_NAME_WIDTH: Final = 16
_MARKS: Final = {EventKind.DONE: ("✓", "green"), EventKind.HALTED: ("✗", "bold red")}
_STOPPED_MARK: Final = ("◦", "yellow")
_STATE_STYLES: Final = {RunState.DONE: "bold green", RunState.NEEDS_PERSON: "bold red"}

_write_duration = wording_for("en").write_duration


def open_live_view(
    run: RunInput,
    journal: Journal,
    *,
    needs: Mapping[str, Sequence[str]],
    json: bool,
    file: TextIO | None = None,
) -> Observer:
    """The view that fits where the output goes; `needs` of each step, for the time to go."""
    stream = file or sys.stdout
    if json:
        return JsonLines(run, file=stream)
    if not stream.isatty():
        return PlainLines(file=stream)
    return LiveView(needs=needs, past=journal.past_seconds(run.host), file=stream)


class LiveView(Observer):
    """Ended steps scroll by; below them stand those that run, and how long it may still take."""

    def __init__(
        self,
        *,
        needs: Mapping[str, Sequence[str]],
        past: Mapping[str, Sequence[float]],
        file: TextIO | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._needs = needs
        self._past = past
        self._monotonic = monotonic
        self._began = monotonic()
        self._guard = threading.RLock()  # re-entered when a signal interrupts its holder
        self._running: dict[str, _Running] = {}
        self._done: set[str] = set()
        self._console = Console(file=file, markup=False, highlight=False, emoji=False)
        self._stage = threading.RLock()  # never taken by whoever draws
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_FRAMES_PER_SECOND,
            transient=True,
        )
        atexit.register(self._live.stop)  # or the terminal keeps its cursor hidden

    def step_started(self, name: str, sentence: str) -> None:
        with self._guard:
            self._running[name] = _Running(sentence, since=self._monotonic())
        self._show_or_hide()

    def step_said(self, name: str, text: str) -> None:
        with self._guard:
            if name in self._running:
                self._running[name].text = text

    def step_ended(self, name: str, kind: EventKind, text: str, *, seconds: float) -> None:
        with self._guard:
            known = self._running.pop(name, None)
            if kind is EventKind.DONE:
                self._done.add(name)
        self._show_or_hide()
        mark, style = _MARKS.get(kind, _STOPPED_MARK)
        line = Table.grid(padding=(0, 1))
        line.add_column(width=1)
        line.add_column(width=_NAME_WIDTH)
        line.add_column(width=10, justify="right")
        line.add_column(overflow="fold")
        took = _write_duration(seconds) if known else "before"
        line.add_row(
            Text(mark, style), Text(clean(name)), Text(took, "dim"), Text(clean(text), _dim(kind))
        )
        self._console.print(line)

    def run_ended(self, state: RunState, next_action: str) -> None:
        took = _write_duration(self._monotonic() - self._began)
        self._console.print(
            Text(f"{state.value} after {took}", _STATE_STYLES.get(state, "bold")), soft_wrap=True
        )
        self._console.print(Text(clean(next_action)), soft_wrap=True)

    def run_interrupted(self, next_action: str) -> None:
        self._console.show_cursor()
        self._console.print(Text(f"Interrupted. {clean(next_action)}", "bold"), soft_wrap=True)

    def _show_or_hide(self) -> None:
        """The moving part stands only while a step runs, so that errors find a quiet terminal."""
        with self._stage:
            if self._running and not self._live.is_started:
                self._live.start()
            elif not self._running:
                self._live.stop()

    def _draw(self) -> Table:
        now = self._monotonic()
        with self._guard:
            running = list(self._running.items())
            done = set(self._done)
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(width=_NAME_WIDTH)
        table.add_column(width=10, justify="right")
        table.add_column(no_wrap=True, overflow="ellipsis")
        for name, step in running:
            took = _write_duration(now - step.since)
            table.add_row(step.spinner, Text(clean(name)), Text(took), Text(clean(step.text)))
        table.add_row(
            "",
            "",
            Text(_write_duration(now - self._began), "bold"),
            self._tell_rest(done, {name: now - step.since for name, step in running}),
        )
        return table

    def _tell_rest(self, done: set[str], running: Mapping[str, float]) -> Text:
        rest = estimate_rest(self._needs, past=self._past, done=done, running=running)
        if rest is None:
            return Text("so far", "dim")
        return Text(f"so far, about {_write_duration(rest)} to go by earlier runs", "dim")


class _Running:
    def __init__(self, text: str, *, since: float) -> None:
        self.text = text
        self.since = since
        self.spinner = Spinner("dots", style="cyan")


def _dim(kind: EventKind) -> str:
    return "dim" if kind is EventKind.DONE else ""


class PlainLines(Observer):
    """One line per event, with the seconds since the start: for logs and pipes."""

    def __init__(
        self, *, file: TextIO | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._terminal = Terminal(file)
        self._monotonic = monotonic
        self._began = monotonic()
        self._guard = threading.RLock()

    def step_started(self, name: str, sentence: str) -> None:
        self._line(f"{name}: {sentence}")

    def step_said(self, name: str, text: str) -> None:
        self._line(f"{name}: {text}")

    def step_ended(self, name: str, kind: EventKind, text: str, *, seconds: float) -> None:
        self._line(f"{name} {kind.value} in {seconds:.1f} s: {text}")

    def run_ended(self, state: RunState, next_action: str) -> None:
        self._line(f"{state.value}: {next_action}")

    def run_interrupted(self, next_action: str) -> None:
        self._line(f"interrupted: {next_action}")

    def _line(self, text: str) -> None:
        with self._guard:
            self._terminal.line(f"{self._monotonic() - self._began:8.1f} s  {text}")


class JsonLines(Observer):
    """One JSON object per line, for programs."""

    def __init__(
        self,
        run: RunInput,
        *,
        file: TextIO | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run_id = run.run_id
        self._terminal = Terminal(file)
        self._monotonic = monotonic
        self._began = monotonic()
        self._guard = threading.RLock()

    def step_started(self, name: str, sentence: str) -> None:
        self._object("step_started", step=name, text=sentence)

    def step_said(self, name: str, text: str) -> None:
        self._object("step_said", step=name, text=text)

    def step_ended(self, name: str, kind: EventKind, text: str, *, seconds: float) -> None:
        self._object("step_ended", step=name, kind=kind.value, text=text, seconds=seconds)

    def run_ended(self, state: RunState, next_action: str) -> None:
        self._object("run_ended", state=state.value, next_action=next_action)

    def run_interrupted(self, next_action: str) -> None:
        self._object("run_interrupted", next_action=next_action)

    def _object(self, event: str, **fields: Any) -> None:
        after = round(self._monotonic() - self._began, 3)
        with self._guard:
            self._terminal.json({"event": event, "run": self._run_id, "after": after, **fields})
