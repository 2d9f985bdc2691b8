"""Who is told what, and when: one thread per incident, nothing twice, one notice for a storm."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from releve.model.incident import Incident, IncidentEvent, IncidentEventKind, IncidentState
from releve.model.server_text import show_server_text
from releve.model.verdict import Cause
from releve.ports.notifier import Notice, Tone

TELL_UNCONFIRMED_SECONDS: Final = 30.0  # a suspicion that neither ends nor is confirmed
TELL_HUNG_SECONDS: Final = 5.0  # a write that hangs was waited for already
TELL_HELD_SECONDS: Final = 30.0  # that no run starts; shorter ones end by themselves
MOST_OF_ATTENTION: Final = 20  # notices of degraded hosts in ten minutes; then one for the rest
ATTENTION_SECONDS: Final = 600.0

_Kind = IncidentEventKind
_TONES: Final = {
    _Kind.OPENED: Tone.WARNING,
    _Kind.CONFIRMED: Tone.FAILURE,
    _Kind.CHANGED: Tone.WARNING,
    _Kind.HELD_BACK: Tone.WARNING,
    _Kind.APPROVAL_WANTED: Tone.WARNING,
    _Kind.RUN_ENDED: Tone.SUCCESS,
    _Kind.NEEDS_PERSON: Tone.FAILURE,
    _Kind.CLEARED: Tone.SUCCESS,
}
_EVEN_IN_A_STORM: Final = frozenset({_Kind.APPROVAL_WANTED, _Kind.RUN_ENDED, _Kind.NEEDS_PERSON})

Send = Callable[[Notice, Incident | None], None]


@dataclass
class Thread:
    """What was said of one incident, and what waits to be said."""

    incident: Incident
    opened_at: float  # monotonic
    is_begun: bool = False
    said: set[tuple[str, str]] = field(default_factory=set)
    held: tuple[float, IncidentEvent] | None = None  # since when no run starts, and why
    waiting: list[IncidentEvent] = field(default_factory=list)  # until no storm gathers


class Announcer:
    def __init__(self, send: Send) -> None:
        self._send = send
        self._threads: dict[str, Thread] = {}
        self._storms = 0  # told of
        self._storm_thread = ""
        self._attention: deque[float] = deque()
        self._is_flooded = False

    def take_up(self, incident: Incident, *, was_told: bool, now: float) -> None:
        """An incident of an earlier life; what was told then is not told again."""
        thread = Thread(incident, now, is_begun=was_told)
        if was_told:
            thread.said |= {(_Kind.OPENED.value, ""), (_Kind.CONFIRMED.value, "")}
            thread.said.add((_Kind.APPROVAL_WANTED.value, ""))
        elif incident.confirmed_at is not None:
            text = incident.verdict.reason
            at = incident.confirmed_at
            thread.waiting.append(IncidentEvent(incident.incident_id, _Kind.CONFIRMED, at, text))
        self._threads[incident.incident_id] = thread

    def happened(
        self, incident: Incident, events: tuple[IncidentEvent, ...], *, now: float
    ) -> None:
        """Remember what is worth a notice; `turn` sends it, once it knows of no storm."""
        thread = self._threads.setdefault(incident.incident_id, Thread(incident, now))
        thread.incident = incident
        for event in events:
            if event.kind is _Kind.HELD_BACK:
                thread.held = (now, event)
            elif event.kind in _TONES and event.kind is not _Kind.OPENED:
                thread.waiting.append(event)
            if event.kind in {_Kind.RUN_STARTED, _Kind.CLEARED}:
                thread.held = None

    def turn(self, *, storm: str, storms: int, gathers: Callable[[str], bool], now: float) -> None:
        """`storm`: why nothing starts by itself; `gathers`: whether a host's death may be one."""
        self._tell_of_storm(storm, storms)
        for thread in list(self._threads.values()):
            self._add_late(thread, now)
            if storm:
                self._tell(thread, only=_EVEN_IN_A_STORM, now=now)
            elif not gathers(thread.incident.host):
                self._tell(thread, only=None, now=now)
            if thread.incident.state.is_over and not thread.waiting:
                del self._threads[thread.incident.incident_id]

    def _tell_of_storm(self, storm: str, storms: int) -> None:
        if storms > self._storms:
            self._storms = storms
            self._storm_thread = f"storm-{storms}"
            body = f"{storm}\nHosts are told of one by one again once it is over."
            self._tell_all(self._storm_thread, body, tone=Tone.FAILURE)
        elif self._storm_thread and not storm:
            body = "The storm is over: what starts by itself does so again."
            self._tell_all(self._storm_thread, body, tone=Tone.SUCCESS)
            self._storm_thread = ""

    def _tell_all(self, thread: str, body: str, *, tone: Tone) -> None:
        """Of no single host."""
        titles = {"storm": "Many hosts look dead", "attention": "Many hosts want attention"}
        title = titles[thread.partition("-")[0]]
        is_first = tone is not Tone.SUCCESS
        self._send(Notice(thread, title, body, tone, is_first=is_first), None)

    def _add_late(self, thread: Thread, now: float) -> None:
        incident = thread.incident
        if thread.held and now - thread.held[0] >= TELL_HELD_SECONDS:
            thread.waiting.append(thread.held[1])
            thread.held = None
        if incident.state is not IncidentState.OPEN or not incident.verdict.is_dead:
            return
        is_hung = incident.verdict.cause is Cause.DISK_HUNG
        patience = TELL_HUNG_SECONDS if is_hung else TELL_UNCONFIRMED_SECONDS
        if not thread.is_begun and now - thread.opened_at >= patience:
            text = f"suspected by one witness alone: {incident.verdict.reason}"
            thread.waiting.append(
                IncidentEvent(incident.incident_id, _Kind.OPENED, incident.opened_at, text)
            )

    def _tell(self, thread: Thread, *, only: frozenset[_Kind] | None, now: float) -> None:
        kept: list[IncidentEvent] = []
        waiting, thread.waiting = thread.waiting, kept
        for event in waiting:
            if only is not None and event.kind not in only:
                kept.append(event)
            elif self._is_worth_it(thread, event, now=now):
                self._say(thread, event)

    def _is_worth_it(self, thread: Thread, event: IncidentEvent, *, now: float) -> bool:
        """Said once; an end or a change only where the beginning was said."""
        key = (event.kind.value, _key_of(event))
        is_follow_up = event.kind in {_Kind.CLEARED, _Kind.CHANGED}
        if key in thread.said or (is_follow_up and not thread.is_begun):
            return False
        if event.kind is _Kind.OPENED and thread.incident.state is not IncidentState.OPEN:
            return False
        if event.kind in {_Kind.CONFIRMED, _Kind.HELD_BACK} and thread.incident.state.is_over:
            return False  # it ended before it could be told
        thread.said.add(key)
        return thread.incident.verdict.is_dead or thread.is_begun or self._has_room(now)

    def _has_room(self, now: float) -> bool:
        """Of hosts that serve, so many are told of one by one; then one notice for all others."""
        while self._attention and now - self._attention[0] >= ATTENTION_SECONDS:
            self._attention.popleft()
        if len(self._attention) < MOST_OF_ATTENTION:
            self._attention.append(now)
            self._is_flooded = False
            return True
        if not self._is_flooded:
            self._is_flooded = True
            body = "More hosts want attention than are told of one by one: see `releve incidents`."
            self._tell_all(f"attention-{now:.0f}", body, tone=Tone.WARNING)
        return False

    def _say(self, thread: Thread, event: IncidentEvent) -> None:
        incident = thread.incident
        notice = Notice(
            thread=incident.incident_id,
            title=f"{incident.host}: incident {incident.incident_id}",
            body=write_body(incident, event),
            tone=_tone_of(incident, event),
            is_first=not thread.is_begun,
        )
        thread.is_begun = True
        self._send(notice, incident)


def write_body(incident: Incident, event: IncidentEvent) -> str:
    lines = [f"{event.kind.value}: {show_server_text(event.text, limit=2000)}"]
    if event.kind in {_Kind.CONFIRMED, _Kind.OPENED} and incident.verdict.is_dead:
        lines += [
            f"- {item.witness.value}: {show_server_text(item.text, limit=500)}"
            for item in incident.verdict.testimonies
        ]
    if incident.next_action and event.kind is not _Kind.CLEARED:
        lines.append(f"Next: {show_server_text(incident.next_action, limit=500)}")
    return "\n".join(lines)


def _tone_of(incident: Incident, event: IncidentEvent) -> Tone:
    if event.kind is _Kind.CONFIRMED and not incident.verdict.is_dead:
        return Tone.WARNING
    if event.kind is _Kind.RUN_ENDED and event.data.get("state") != "DONE":
        return Tone.WARNING
    return _TONES[event.kind]


def _key_of(event: IncidentEvent) -> str:
    """What makes two events of a kind differ: another thing wrong, another run."""
    if event.kind is _Kind.CHANGED:
        return f"{event.data.get('cause')} {event.data.get('subject')}"
    if event.kind in {_Kind.RUN_ENDED, _Kind.NEEDS_PERSON}:
        return f"{event.data.get('run_id')} {event.text}"
    return event.text if event.kind is _Kind.HELD_BACK else ""
