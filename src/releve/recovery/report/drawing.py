"""Where each bar of the timeline lies, in per cent of the run's time; pure geometry."""

from collections.abc import Sequence
from dataclasses import dataclass

from releve.recovery.report.timeline import CONVERGE_STEPS, PROVIDER_STEPS
from releve.recovery.report.types import Interruption, PhaseBar, StepBar, StepState, Timing

NARROWEST = 0.4  # per cent; a step of a few milliseconds must still be seen
MOST_TICKS = 5
_TICK_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)


@dataclass(frozen=True)
class Stretch:
    x: float
    width: float


@dataclass(frozen=True)
class Bar:
    step: StepBar
    lane: int
    kind: str  # provider, converge, own, halted
    place: Stretch


@dataclass(frozen=True)
class Row:
    phase: PhaseBar
    lanes: int
    bars: tuple[Bar, ...]
    objective: Stretch | None


@dataclass(frozen=True)
class Tick:
    seconds: float
    x: float


@dataclass(frozen=True)
class Drawing:
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    interruptions: tuple[Stretch, ...]
    objective: float | None  # of the whole run; None: none, or beyond the right edge
    gauge: Stretch | None  # time taken, against the whole objective or past it
    gauge_objective: float | None


def draw_timeline(timing: Timing) -> Drawing:
    length = max(timing.seconds, 0.001)
    wanted = timing.objective.wanted_seconds if timing.objective else None
    return Drawing(
        rows=tuple(_draw_row(phase, length) for phase in timing.phases),
        ticks=_choose_ticks(length),
        interruptions=tuple(_place(hole, length) for hole in timing.interruptions),
        objective=100 * wanted / length if wanted is not None and wanted <= length else None,
        gauge=_draw_gauge(timing),
        gauge_objective=_place_objective(timing),
    )


def _draw_row(phase: PhaseBar, length: float) -> Row:
    lanes = _assign_lanes(phase.steps)
    bars = tuple(
        Bar(step=step, lane=lane, kind=_kind_of(step), place=_place_step(step, length))
        for step, lane in zip(phase.steps, lanes, strict=True)
    )
    return Row(phase=phase, lanes=max(lanes) + 1, bars=bars, objective=_objective_of(phase, length))


def _assign_lanes(steps: Sequence[StepBar]) -> list[int]:
    """The first lane that is free when the step starts, so that no bar hides another."""
    free_from: list[float] = []
    chosen = []
    for step in steps:
        lane = next((i for i, free in enumerate(free_from) if free <= step.start_seconds), None)
        if lane is None:
            lane = len(free_from)
            free_from.append(0.0)
        free_from[lane] = step.start_seconds + step.seconds
        chosen.append(lane)
    return chosen


def _kind_of(step: StepBar) -> str:
    if step.state is StepState.HALTED:
        return "halted"
    if step.name in CONVERGE_STEPS:
        return "converge"
    return "provider" if step.name in PROVIDER_STEPS else "own"


def _place_step(step: StepBar, length: float) -> Stretch:
    width = max(NARROWEST, 100 * step.seconds / length)
    return Stretch(min(100 * step.start_seconds / length, 100 - NARROWEST), min(width, 100.0))


def _place(hole: Interruption, length: float) -> Stretch:
    return Stretch(100 * hole.at_seconds / length, 100 * hole.seconds / length)


def _objective_of(phase: PhaseBar, length: float) -> Stretch | None:
    if phase.objective is None:
        return None
    start = 100 * phase.start_seconds / length
    return Stretch(start, min(100 * phase.objective.wanted_seconds / length, 100 - start))


def _choose_ticks(length: float) -> tuple[Tick, ...]:
    every = next((step for step in _TICK_SECONDS if length / step <= MOST_TICKS), 604800)
    return tuple(Tick(n * every, 100 * n * every / length) for n in range(int(length / every) + 1))


def _draw_gauge(timing: Timing) -> Stretch | None:
    if timing.objective is None:
        return None
    whole = max(timing.objective.wanted_seconds, timing.objective.took_seconds)
    return Stretch(0.0, max(NARROWEST, 100 * timing.objective.took_seconds / whole))


def _place_objective(timing: Timing) -> float | None:
    if timing.objective is None:
        return None
    whole = max(timing.objective.wanted_seconds, timing.objective.took_seconds)
    return 100 * timing.objective.wanted_seconds / whole
