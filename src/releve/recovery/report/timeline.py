"""When each step ran, from what the journal recorded of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releve.model.run import EventKind, JournalEvent, Phase
from releve.recovery.report.reading import MAX_CHARACTERS, read_number
from releve.recovery.report.types import Interruption, StepBar, StepState

PROVIDER_STEPS = frozenset(
    {
        *("preconditions", "mark", "fence", "reserve_port", "create_instance", "await_instance"),
        *("await_access", "snapshot_volumes", "detach_volumes", "await_volumes"),
        *("attach_volumes", "cut_over", "quarantine", "promote"),
        *("undo_stop", "undo_detach", "undo_attach", "undo_fence", "undo_address", "undo_labels"),
    }
)
CONVERGE_STEPS = frozenset({"prepare", "converge"})
RESUMED_AFTER_SECONDS = 0.5  # a longer hole between two lives of a step is an interruption

_ENDS = {
    EventKind.DONE: StepState.DONE,
    EventKind.HALTED: StepState.HALTED,
    EventKind.NOTE: StepState.RUNNING,
}


@dataclass(frozen=True)
class Span:
    start: float
    end: float


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
    return event.at - timedelta(seconds=read_number(event.data, "seconds"))


def find_interruptions(
    events: Sequence[JournalEvent], *, started_at: datetime
) -> tuple[Interruption, ...]:
    """The holes before each later life of a step: nothing happened from the last event till then.

    A step's end records how long its last life took, so an older event of it tells of another.
    """
    resumes = sorted(
        {
            _began(group[-1])
            for group in _group_by_step(events).values()
            if "seconds" in group[-1].data
            and any(_is_earlier_life(event, group[-1]) for event in group[:-1])
        }
    )
    holes: dict[datetime, float] = {}
    for resume in resumes:
        before = max(event.at for event in events if event.at < resume)
        seconds = (resume - before).total_seconds()
        if seconds > RESUMED_AFTER_SECONDS:
            holes.setdefault(before, seconds)
    return tuple(
        Interruption((before - started_at).total_seconds(), seconds)
        for before, seconds in sorted(holes.items())
    )


def _is_earlier_life(event: JournalEvent, last: JournalEvent) -> bool:
    return (_began(last) - event.at).total_seconds() > RESUMED_AFTER_SECONDS


def measure_phase(bars: Sequence[StepBar]) -> Span:
    return Span(
        min(bar.start_seconds for bar in bars),
        max(bar.start_seconds + bar.seconds for bar in bars),
    )


def measure_own_share(
    bars: Sequence[StepBar], interruptions: Sequence[Interruption], *, total_seconds: float
) -> float:
    """Seconds in which no step of the provider's and no converge ran, and nobody was waited for."""
    others = [
        Span(bar.start_seconds, bar.start_seconds + bar.seconds)
        for bar in bars
        if bar.name in PROVIDER_STEPS | CONVERGE_STEPS
    ]
    others += [Span(hole.at_seconds, hole.at_seconds + hole.seconds) for hole in interruptions]
    return max(0.0, total_seconds - _covered(others))


def _covered(spans: Iterable[Span]) -> float:
    covered, reached = 0.0, 0.0
    for span in sorted(spans, key=lambda span: span.start):
        covered += max(0.0, span.end - max(span.start, reached))
        reached = max(reached, span.end)
    return covered
