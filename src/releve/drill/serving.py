"""Run the drills of a plan when they are due: one at a time, each in a process of its own."""

from collections.abc import Callable
from typing import Any, Final

from releve.drill.schedule import judge_due
from releve.errors import JournalError
from releve.plan.rereading import PlanReader
from releve.ports.child import Child
from releve.ports.clock import Clock
from releve.ports.journal import Journal

POLL_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 20.0  # between two looks at the schedule: minutes are its finest
STOP_SECONDS: Final = 5.0  # for a drill to leave in good order; it can be gone on with after

Say = Callable[[str, dict[str, Any]], None]


class Server:
    """Stateless: what was drilled when is read from the journal, so a restart changes nothing."""

    def __init__(
        self,
        plans: PlanReader,
        *,
        journal: Journal,
        clock: Clock,
        start: Callable[[str], Child],
        say: Say,
    ) -> None:
        self._plans = plans
        self._journal = journal
        self._clock = clock
        self._start = start
        self._say = say
        self._since = clock.now()
        self._is_blind = False  # the journal cannot be read: nobody knows what is due

    def serve(self, should_stop: Callable[[], bool]) -> None:
        """Until asked to stop; a plan or a journal that cannot be read is read again."""
        while not should_stop():
            host = self._look()
            if host:
                self._drill(host, should_stop)
            else:
                self._wait(LOOK_SECONDS, should_stop)

    def _look(self) -> str:
        try:
            host = self.find_due()
        except JournalError as error:
            if not self._is_blind:
                self._say("drills_wait", {"why": str(error)})
            self._is_blind = True
            return ""
        self._is_blind = False
        return host

    def find_due(self) -> str:
        """The first host of the plan whose drill is due; empty: none."""
        loaded = self._plans.read()
        if loaded is None:
            return ""
        for host, plan in loaded.plan.hosts.items():
            if not plan.drill.schedule:
                continue
            due = judge_due(
                plan.drill.schedule,
                self._journal.list_runs(host=host),
                serving_since=self._since,
                now=self._clock.now(),
            )
            if due.is_due:
                self._say("drill_due", {"host": host, "why": due.why})
                return host
        return ""

    def _drill(self, host: str, should_stop: Callable[[], bool]) -> None:
        try:
            child = self._start(host)
        except OSError as error:
            self._say("drill_not_started", {"host": host, "why": str(error)})
            self._wait(LOOK_SECONDS, should_stop)
            return
        while (code := child.poll()) is None:
            if should_stop():
                child.stop(within_seconds=STOP_SECONDS)
                self._say("drill_left", {"host": host})
                return
            self._clock.sleep(POLL_SECONDS)
        self._say("drill_ended", {"host": host, "exit_code": code})
        if code not in {0, 4}:  # neither ready nor not ready: do not try again at once
            self._wait(LOOK_SECONDS, should_stop)

    def _wait(self, seconds: float, should_stop: Callable[[], bool]) -> None:
        until = self._clock.monotonic() + seconds
        while self._clock.monotonic() < until and not should_stop():
            self._clock.sleep(POLL_SECONDS)
