"""What a person, a pipe or a program sees of the watch while it goes on."""

import atexit
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from releve.cli.event_log import EventLog
from releve.cli.terminal import Terminal, clean
from releve.model.incident import Incident
from releve.model.verdict import HostState
from releve.ports.clock import Clock
from releve.watch.viewing import SeenHost, describe_seen

_STYLES: Final = {
    HostState.HEALTHY: "green",
    HostState.DEGRADED: "yellow",
    HostState.CRASHED: "bold red",
    HostState.UNREACHABLE: "bold red",
    HostState.UNKNOWN: "dim",
}
_GRAVEST_FIRST: Final = (
    HostState.CRASHED,
    HostState.UNREACHABLE,
    HostState.UNKNOWN,
    HostState.DEGRADED,
    HostState.HEALTHY,
)
_SEEN: Final = "what is seen"
_HEADINGS: Final = ("host", "state", "since", _SEEN, "incident")
_GAPS: Final = 12  # columns between the five
_REST_LINES: Final = 8  # of the terminal: headings, the lines below, room for events
_FRAMES_PER_SECOND: Final = 4
ONLY_LOOKS: Final = (
    "This only looks: `releve serve` keeps incidents, tells people, acts as the plan says."
)
IS_SERVED: Final = "`releve serve` runs: it acts as the plan says. See `releve incidents`."


@dataclass
class Beside:
    """What `releve serve` keeps meanwhile, in the same state directory."""

    is_served: bool = False
    incidents: Mapping[str, Incident] = field(default_factory=dict)  # by host, the open one

    @property
    def sentence(self) -> str:
        return IS_SERVED if self.is_served else ONLY_LOOKS


class Screen(ABC):
    @abstractmethod
    def tell(self, event: str, fields: dict[str, Any]) -> None: ...

    @contextmanager
    def showing(self, hosts: Callable[[], Sequence[SeenHost]]) -> Iterator[None]:
        del hosts
        yield

    @abstractmethod
    def conclude(self, hosts: Sequence[SeenHost]) -> None:
        """All of them once, at the end."""


def open_screen(
    beside: Beside, clock: Clock, *, as_json: bool, once: bool, file: TextIO | None = None
) -> Screen:
    """The one that fits where the output goes; `once`: no events, the end alone is told."""
    stream = file or sys.stdout
    if as_json:
        return JsonWatch(clock, once=once, file=stream)
    if not stream.isatty():
        return PlainWatch(beside, once=once, file=stream)
    return LiveWatch(beside, file=stream)


class JsonWatch(Screen):
    def __init__(self, clock: Clock, *, once: bool, file: TextIO) -> None:
        self._log = EventLog(clock, file=file)
        self._once = once
        self._terminal = Terminal(file)

    def tell(self, event: str, fields: dict[str, Any]) -> None:
        if not self._once:
            self._log.say(event, fields)

    def conclude(self, hosts: Sequence[SeenHost]) -> None:
        self._terminal.json({"hosts": [describe_seen(seen) for seen in hosts]})


class PlainWatch(Screen):
    """One line per event, for pipes."""

    def __init__(self, beside: Beside, *, once: bool, file: TextIO) -> None:
        self._beside = beside
        self._once = once
        self._terminal = Terminal(file)

    def tell(self, event: str, fields: dict[str, Any]) -> None:
        if not self._once:
            self._terminal.line(f"{_now()}  {describe_event(event, fields, self._beside)}")

    def conclude(self, hosts: Sequence[SeenHost]) -> None:
        rows = [tell_row(seen, self._beside) for seen in sort_hosts(hosts)]
        self._terminal.table(_HEADINGS, rows)
        self._terminal.line(say_next(hosts, self._beside))


class LiveWatch(Screen):
    """Events scroll by; below them stands the table, gravest first."""

    def __init__(self, beside: Beside, *, file: TextIO) -> None:
        self._beside = beside
        self._console = Console(file=file, markup=False, highlight=False, emoji=False)
        self._hosts: Callable[[], Sequence[SeenHost]] = tuple

    @contextmanager
    def showing(self, hosts: Callable[[], Sequence[SeenHost]]) -> Iterator[None]:
        self._hosts = hosts
        live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_FRAMES_PER_SECOND,
            transient=True,
        )
        atexit.register(live.stop)  # or the terminal keeps its cursor hidden
        with live:
            yield

    def tell(self, event: str, fields: dict[str, Any]) -> None:
        state = _state_of(fields)
        style = _STYLES[state] if state else "dim"
        text = clean(describe_event(event, fields, self._beside))
        self._console.print(Text.assemble((f"{_now()}  ", "dim"), (text, style)), soft_wrap=True)

    def conclude(self, hosts: Sequence[SeenHost]) -> None:
        self._console.print(self._make_table(sort_hosts(hosts)))
        self._console.print(Text(clean(say_next(hosts, self._beside))), soft_wrap=True)

    def _draw(self) -> Group:
        hosts = sort_hosts(self._hosts())
        room = max(1, self._console.height - _REST_LINES)
        shown = hosts[:room]
        lines = [Text(self._beside.sentence, "dim"), Text("Ctrl-C ends it.", "dim")]
        if len(hosts) > len(shown):
            lines.insert(0, Text(f"and {len(hosts) - len(shown)} more: {count(hosts)}", "bold"))
        return Group(self._make_table(shown, is_cut=True), *lines)

    def _make_table(self, hosts: Sequence[SeenHost], *, is_cut: bool = False) -> Table:
        """`is_cut`: each host in one line."""
        table = Table(box=SIMPLE, pad_edge=False, show_edge=False)
        for heading in _HEADINGS:
            table.add_column(heading, no_wrap=heading != _SEEN, overflow="fold")
        rows = [tuple(map(clean, tell_row(seen, self._beside))) for seen in hosts]
        room = self._console.width - sum(map(cell_len, _widest(rows))) - _GAPS
        for seen, (host, state, since, text, incident) in zip(hosts, rows, strict=True):
            told = Text(text)
            if is_cut:
                told.truncate(max(len(_SEEN), room), overflow="ellipsis")
            styled = Text(state, _STYLES[seen.verdict.state])
            table.add_row(Text(host), styled, Text(since), told, Text(incident))
        return table


def _widest(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Of each column but the one that is cut."""
    columns = [*zip(_HEADINGS, *rows, strict=True)]
    return [max(column, key=cell_len) for column in columns if column[0] != _SEEN]


def sort_hosts(hosts: Sequence[SeenHost]) -> list[SeenHost]:
    return sorted(hosts, key=lambda seen: (_GRAVEST_FIRST.index(seen.verdict.state), seen.host))


def tell_row(seen: SeenHost, beside: Beside) -> tuple[str, ...]:
    verdict = seen.verdict
    is_open = verdict.is_dead and not verdict.confirmed
    return (
        seen.host,
        f"{verdict.state.value}?" if is_open else verdict.state.value,
        f"{seen.since:%H:%M:%S}Z",
        verdict.reason,
        known.incident_id if (known := beside.incidents.get(seen.host)) else "",
    )


def describe_event(event: str, fields: dict[str, Any], beside: Beside) -> str:
    if event != "host":
        told = ", ".join(f"{name} {value}" for name, value in fields.items())
        return f"{event.replace('_', ' ')}: {told}"
    state, host = fields["state"], fields["host"]
    text = f"{host} is {state}: {fields['reason']}"
    if _state_of(fields) not in {HostState.CRASHED, HostState.UNREACHABLE}:
        return text
    if not fields["confirmed"]:
        return f"{host} looks {state}: {fields['reason']}"
    return text if beside.is_served else f"{text}. Next: releve recover {host}"


def say_next(hosts: Sequence[SeenHost], beside: Beside) -> str:
    """One sentence that ends a look."""
    dead = [seen for seen in hosts if seen.verdict.is_dead and seen.verdict.confirmed]
    if dead and not beside.is_served:
        return f"{count(hosts)}. Next: releve recover {dead[0].host}"
    if dead and (known := beside.incidents.get(dead[0].host)) and known.next_action:
        return f"{count(hosts)}. {known.incident_id}: {known.next_action}"
    return f"{count(hosts)}. {beside.sentence}"


def count(hosts: Sequence[SeenHost]) -> str:
    numbers = [
        (sum(seen.verdict.state is state for seen in hosts), state.value)
        for state in _GRAVEST_FIRST
    ]
    return ", ".join(f"{number} {name}" for number, name in numbers if number)


def _state_of(fields: dict[str, Any]) -> HostState | None:
    return HostState(fields["state"]) if "state" in fields else None


def _now() -> str:
    return f"{datetime.now(UTC):%H:%M:%S}Z"
