"""A fake cloud: an OpenStack-like control plane in one SQLite file, with faults and a watcher."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from releve.errors import ProviderError
from releve.ports.clock import Clock
from tests.fakes import cloud_person, cloud_rules, cloud_twin
from tests.fakes.cloud_distort import distort, list_changed
from tests.fakes.cloud_file import Actor, CloudFile, HistoryRow
from tests.fakes.cloud_settle import is_due, settle
from tests.fakes.cloud_state import CloudState, Habits
from tests.fakes.faults import Fault, arm, error_of, take_fault

PERSON: Final = Actor(name="person")
THE_CLOUD: Final = Actor(name="cloud")
ACTS: Final = cloud_rules.ACTS | cloud_twin.ACTS
_Seen = TypeVar("_Seen")


@dataclass(frozen=True)
class Call:
    """One request as it arrives at the cloud, or one thing seen in a guest."""

    actor: Actor
    name: str
    arguments: Mapping[str, Any]
    kind: str = "act"  # act, read, transition, guest, converge, check


Watch = Callable[["FakeCloud", HistoryRow, CloudState, CloudState], None]


def do_nothing() -> None: ...


class FakeCloud:
    """Its truth: a state, and the history of all that was asked and done."""

    def __init__(
        self, path: Path, *, clock: Clock, habits: Habits | None = None, watch: Watch | None = None
    ) -> None:
        """`watch` sees each row inside its transaction; `habits` stay in the file once given."""
        self.file = CloudFile(path)
        self.clock = clock
        self.watch = watch
        self.on_read: Callable[[], None] = do_nothing  # before each read is answered
        self._instant: float | None = None  # of the request under way
        with self.file.transaction():
            state = self.file.load()
            self.file.save(replace(state, habits=habits) if habits else state)

    @property
    def now(self) -> float:
        """Seconds; while a request is answered, the one instant of all that it sees and does."""
        return self.clock.monotonic() if self._instant is None else self._instant

    def state(self) -> CloudState:
        """The truth now, whatever reads are made to show."""
        with self._request():
            return self._see()

    def history(self) -> list[HistoryRow]:
        return self.file.read_history()

    def arm(self, fault: Fault) -> None:
        arm(self.file, fault)

    def act(self, call: Call) -> None:
        """Do what is asked, or what an armed fault makes of it."""
        with self._request():
            fault = self._take_fault(call) if self._would_accept(call) else None
            if fault and fault.stops_call:
                error: ProviderError | None = error_of(fault, call.name)
                self._append(call, outcome=f"refused {fault.kind}")
            else:
                error = self._apply(call, fault)
        self._hold_reply(fault)
        if error:
            raise error

    def as_person(self, name: str, /, **arguments: Any) -> None:
        """What somebody does at the cloud's own console; never under a fault."""
        with self._request():
            error = self._apply(Call(PERSON, name, arguments), None)
        if error:
            raise error

    def change_beside(self, name: str, arguments: Mapping[str, Any], *, kind: str) -> None:
        """A change that does not come through the control plane, such as a mount in a guest."""
        with self._request():
            self._apply(Call(Actor(), name, arguments, kind), None)

    def note(self, name: str, arguments: Mapping[str, Any], *, kind: str) -> None:
        """Something that changes nothing: a login, a command, a converge, a check."""
        with self._request():
            self._append(Call(Actor(), name, arguments, kind))

    def take_guest_fault(self, name: str, arguments: Mapping[str, Any]) -> Fault | None:
        with self._request():
            return self._take_fault(Call(Actor(), name, arguments))

    def read(
        self,
        call: Call,
        view: Callable[[CloudState], _Seen],
        *,
        summary: Callable[[_Seen], Mapping[str, Any]],
    ) -> _Seen:
        """The view of the state now; its summary is kept as the proof of what was seen."""
        self.on_read()
        error: ProviderError | None = None
        with self._request():
            fault = self._take_fault(call)
            state = self._see()
            try:
                if fault and fault.stops_call:
                    raise error_of(fault, call.name)
                seen = view(state)
                self._append(call, result=summary(seen))
            except ProviderError as refused:
                self._append(call, outcome=f"refused {type(refused).__name__}")
                error = refused
        self._hold_reply(fault)
        if error:
            raise error
        return seen

    def close(self) -> None:
        self.file.close()

    @contextmanager
    def _request(self) -> Iterator[None]:
        """All or nothing, and at one instant: other threads move the clock on meanwhile."""
        with self.file.transaction():
            outer = self._instant
            self._instant = self.now
            try:
                yield
            finally:
                self._instant = outer

    def _would_accept(self, call: Call) -> bool:
        """A fault is kept for a call that gets as far as that."""
        try:
            ACTS[call.name](self._settle(), self.now, call.arguments)
        except ProviderError:
            return False
        return True

    def _take_fault(self, call: Call) -> Fault | None:
        """Adapters log in again once by themselves: only a second 401 comes through."""
        with self.file.transaction() as connection:
            fault = take_fault(connection, call.name, call.arguments)
            if fault and fault.kind == "unauthorized":
                fault = take_fault(connection, call.name, call.arguments)
        if fault and fault.foreign:
            self.as_person(fault.foreign["call"], **fault.foreign["arguments"])
        return fault

    def _hold_reply(self, fault: Fault | None) -> None:
        if fault and fault.kind.startswith("timeout"):
            self.clock.sleep(fault.seconds)

    def _apply(self, call: Call, fault: Fault | None) -> ProviderError | None:
        before, after = self._settle(), self.file.load()
        rule = ACTS.get(call.name) or cloud_person.ACTS[call.name]
        try:
            rule(after, self.now, call.arguments)
        except ProviderError as refused:
            self._append(call, outcome=f"refused {type(refused).__name__}")
            return refused
        distort(fault, before=before, after=after, now=self.now)
        self.file.save(after)
        lost = error_of(fault, call.name) if fault and fault.loses_reply else None
        self._append(
            call,
            outcome="maybe" if lost else "done",
            result={"changed": list_changed(before, after)},
            change=(before, after),
        )
        return lost

    def _see(self) -> CloudState:
        """The settled state, shared by all who look: not to be changed."""
        if is_due(self.file.peek(), self.now):
            self._settle()
        return self.file.peek()

    def _settle(self) -> CloudState:
        """The state with every transition that is due at its end, to be changed at will."""
        state = self.file.load()
        before = self.file.peek()
        texts = settle(state, self.now)
        if texts or state.shadows != before.shadows:
            self.file.save(state)
            call = Call(THE_CLOUD, "settle", {"texts": texts}, "transition")
            self._append(call, change=(before, state))
        return state

    def _append(
        self,
        call: Call,
        *,
        outcome: str = "done",
        result: Mapping[str, Any] | None = None,
        change: tuple[CloudState, CloudState] | None = None,
    ) -> None:
        row = HistoryRow(
            0, self.now, call.actor, call.kind, call.name, call.arguments, outcome, result or {}
        )
        row = replace(row, seq=self.file.append(row, state=change[1] if change else None))
        if self.watch and call.kind != "read":
            before, after = change or (self.file.peek(),) * 2
            self.watch(self, row, before, after)
