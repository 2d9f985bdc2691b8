"""Lives of a controller that are killed at an instant of a step."""

import threading
from pathlib import Path

from releve.model.run import EventKind, JournalEvent
from releve.ports.journal import Journal
from releve.workflow.hooks import Strike
from tests.crash.harness import Point
from tests.fakes.journal import PassingJournal
from tests.matrix.cells import Cell
from tests.matrix.controller import Controller

# a step that only looks has no intent and no effect: it is struck while it looks, and when it
# has looked and its result is not in the journal yet
_INSTANTS = {
    "F01": ("before_intent", "before_intent"),
    "F02": ("after_intent", "in_look"),
    "F03": ("after_effect", "before_done"),
    "F04": ("after_commit", "after_commit"),
    "F05": ("after_intent", "in_look"),
}


def point_of(cell: Cell) -> Point:
    acting, looking = _INSTANTS[cell.fault]
    return Point(cell.subject.step, looking if cell.subject.only_looks else acting)


def live(directory: Path, strike: Strike) -> str:
    """One life of the controller; the state in which it leaves the run."""
    looking = LookStrike(strike)
    controller = Controller(
        directory,
        strike=looking,
        wrap_journal=lambda journal: StrikingJournal(journal, strike),
    )
    controller.cloud.on_read = looking.on_read
    return controller.drive().state.value


class LookStrike:
    """Strikes once per step when its thread reads the provider for the first time."""

    def __init__(self, strike: Strike) -> None:
        self._strike = strike
        self._local = threading.local()

    def __call__(self, step: str, instant: str) -> None:
        self._strike(step, instant)
        self._local.step = step if instant == "before_intent" else ""

    def on_read(self) -> None:
        step = getattr(self._local, "step", "")
        self._local.step = ""
        if step:
            self._strike(step, "in_look")


class StrikingJournal(PassingJournal):
    def __init__(self, inner: Journal, strike: Strike) -> None:
        super().__init__(inner)
        self._strike = strike

    def append(self, event: JournalEvent) -> None:
        if event.kind is EventKind.DONE:
            self._strike(event.step, "before_done")
        super().append(event)
