"""When each step ran, from what the journal recorded of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releve.model.run import EventKind, JournalEvent, Phase
from releve.recovery.report.reading import MAX_CHARACTERS, read_seconds
from releve.recovery.report.types import Interruption, StepBar, StepState

PROVIDER_STEPS = frozenset(
    {
        *("preconditions", "mark", "fence", "reserve_port", "create_instance", "await_instance"),
        *("await_access", "snapshot_volumes", "detach_volumes", "await_volumes"),
        *("attach_volumes", "cut_over", "quarantine", "promote"),
        *("start_instance", "provide_volumes", "stop_twin", "capture_image", "create_aged"),
        *("move_volumes", "start_aged", "reach_aged", "create_second", "second_volumes"),
        *("reach_second", "second_attach", "destroy_twin", "undo_twins"),
        *("undo_stop", "undo_detach", "undo_attach", "undo_fence", "undo_address", "undo_labels"),
        *("autopsy_disk", "autopsy_helper", "autopsy_attach", "autopsy_clean", "autopsy_proof"),
        *("undo_helper", "undo_port"),
    }
)
CONVERGE_STEPS = frozenset(
    {"prepare", "converge", "converge_unproven", "idempotence", "converge_second"}
)
CHECK_STEPS = frozenset({"verify", "verify_outside", "verify_image", "verify_converged"})
SHORTEST_INTERRUPTION_SECONDS = 1.0
CLOCK_SLACK_SECONDS = 0.1  # between the wall clock of events and the monotonic one of durations

_ENDS = {
    EventKind.DONE: StepState.DONE,
    EventKind.HALTED: StepState.HALTED,
    EventKind.NOTE: StepState.RUNNING,
}


@dataclass(frozen=True)
class Span:
    start: float
    end: float


@dataclass(frozen=True)
class Life:
    start: datetime
    end: datetime


def draw_steps(
    events: Sequence[JournalEvent],
    *,
    started_at: datetime,
    until: datetime,
    phases: Mapping[str, Phase],
) -> tuple[StepBar, ...]:
    """One bar for each step that began, in the order of their starts."""
    bars = [
        _draw_step(name, group, started_at=started_at, until=until, phase=_phase_of(name, phases))
        for name, group in _group_by_step(events).items()
    ]
    return tuple(sorted(bars, key=lambda bar: (bar.start_seconds, bar.start_seconds + bar.seconds)))


def _group_by_step(events: Iterable[JournalEvent]) -> dict[str, list[JournalEvent]]:
    groups: dict[str, list[JournalEvent]] = {}
    for event in events:
        if event.step:
            groups.setdefault(event.step, []).append(event)
    return groups


def _phase_of(name: str, phases: Mapping[str, Phase]) -> Phase:
    return phases.get(name, Phase.UNDO if name.startswith("undo_") else Phase.CLOSE)


def _draw_step(
    name: str,
    events: Sequence[JournalEvent],
    *,
    started_at: datetime,
    until: datetime,
    phase: Phase,
) -> StepBar:
    state = _state_of(events)
    last = events[-1]
    start = min(_began(event) for event in events)
    end = until if state is StepState.RUNNING else last.at
    return StepBar(
        name=name,
        phase=phase,
        start_seconds=max(0.0, (start - started_at).total_seconds()),
        seconds=max(0.0, (end - max(start, started_at)).total_seconds()),
        state=state,
        reason=last.text[:MAX_CHARACTERS],
        acts=sum(event.kind is EventKind.INTENT for event in events),
    )


def _state_of(events: Sequence[JournalEvent]) -> StepState:
    last = events[-1]
    if last.kind is EventKind.NOTE and last.text.startswith("stopped"):
        return StepState.STOPPED
    return _ENDS.get(last.kind, StepState.RUNNING)


def _began(event: JournalEvent) -> datetime:
    """When the life of the step that this event ends began; for others, the event itself."""
    return event.at - timedelta(seconds=read_seconds(event.data))


def find_interruptions(
    events: Sequence[JournalEvent], *, started_at: datetime, alive: Iterable[datetime] = ()
) -> tuple[Interruption, ...]:
    """The holes between the lives of steps: then the controller was gone, or a person was awaited.

    `alive`: further moments at which the run was certainly going on, such as Ansible's tasks.
    """
    spans = [
        Span((life.start - started_at).total_seconds(), (life.end - started_at).total_seconds())
        for group in _group_by_step(events).values()
        for life in _split_lives(group)
    ]
    signs = sorted((moment - started_at).total_seconds() for moment in alive)
    holes = (_shorten(hole, signs) for hole in _holes_between(spans))
    return tuple(
        Interruption(hole.start, hole.end - hole.start)
        for hole in holes
        if hole.end - hole.start > SHORTEST_INTERRUPTION_SECONDS
    )


def _split_lives(events: Sequence[JournalEvent]) -> Iterator[Life]:
    """An end records how long its life took; older events tell of a life that did not end."""
    unended: list[datetime] = []
    for event in events:
        if "seconds" not in event.data:
            unended.append(event.at)
            continue
        began = _began(event)
        earlier = [at for at in unended if (began - at).total_seconds() > CLOCK_SLACK_SECONDS]
        if earlier:
            yield Life(min(earlier), max(earlier))
        yield Life(began, event.at)
        unended = []
    if unended:
        yield Life(min(unended), max(unended))


def _holes_between(spans: Iterable[Span]) -> Iterator[Span]:
    reached: float | None = None
    for span in sorted(spans, key=lambda span: span.start):
        if reached is not None and span.start > reached:
            yield Span(reached, span.start)
        reached = span.end if reached is None else max(reached, span.end)


def _shorten(hole: Span, signs: Sequence[float]) -> Span:
    within = [sign for sign in signs if hole.start < sign < hole.end]
    return Span(max(within, default=hole.start), hole.end)


def measure_phase(bars: Sequence[StepBar]) -> Span:
    return Span(
        min(bar.start_seconds for bar in bars),
        max(bar.start_seconds + bar.seconds for bar in bars),
    )


def measure_own_share(
    bars: Sequence[StepBar], interruptions: Sequence[Interruption], *, total_seconds: float
) -> float:
    """Seconds in which neither the provider nor the team's playbooks or checks were at work.

    Nor was anybody waited for. An autopsy is no part of it: the host is back by then.
    """
    others = [
        Span(bar.start_seconds, bar.start_seconds + bar.seconds)
        for bar in bars
        if bar.name in PROVIDER_STEPS | CONVERGE_STEPS | CHECK_STEPS or bar.phase is Phase.AUTOPSY
    ]
    others += [Span(hole.at_seconds, hole.at_seconds + hole.seconds) for hole in interruptions]
    return max(0.0, total_seconds - _covered(others))


def _covered(spans: Iterable[Span]) -> float:
    covered, reached = 0.0, 0.0
    for span in sorted(spans, key=lambda span: span.start):
        covered += max(0.0, span.end - max(span.start, reached))
        reached = max(reached, span.end)
    return covered
