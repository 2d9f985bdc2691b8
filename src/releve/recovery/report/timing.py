"""How long the run took, by phase, against what the plan wanted."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from releve.model.run import JournalEvent, Phase, RunRecord
from releve.plan.durations import parse_duration
from releve.recovery.report.reading import as_fields
from releve.recovery.report.timeline import find_interruptions, measure_own_share, measure_phase
from releve.recovery.report.types import Objective, PhaseBar, StepBar, StepState, Timing

PROOF_STEP = "verify_outside"  # once it is done, the host is back


def measure_timing(
    run: RunRecord,
    events: Sequence[JournalEvent],
    bars: Sequence[StepBar],
    *,
    until: datetime,
    alive: Iterable[datetime],
) -> Timing:
    seconds = max(0.0, (until - run.started_at).total_seconds())
    back_after = _measure_back(bars)
    interruptions = find_interruptions(events, started_at=run.started_at, alive=alive)
    wanted = _read_wanted(run)
    return Timing(
        seconds=seconds,
        back_after_seconds=back_after,
        objective=_hold_against(
            wanted.get("total"),
            seconds if back_after is None else back_after,
            over=back_after is not None,
        ),
        own_seconds=measure_own_share(bars, interruptions, total_seconds=seconds),
        phases=tuple(_draw_phases(bars, wanted)),
        interruptions=interruptions,
    )


def _measure_back(bars: Sequence[StepBar]) -> float | None:
    for bar in bars:
        if bar.name == PROOF_STEP and bar.state is StepState.DONE:
            return bar.start_seconds + bar.seconds
    return None


def _read_wanted(run: RunRecord) -> dict[str, float]:
    """Phase or total to seconds, as planned; what cannot be read is left out."""
    objectives = as_fields(as_fields(run.input.plan.get("host")).get("objectives"))
    wanted = {}
    for name, duration in objectives.items():
        try:
            wanted[name] = parse_duration(duration).total_seconds()
        except ValueError:
            continue
    return wanted


def _hold_against(wanted: float | None, took: float, *, over: bool) -> Objective | None:
    if not wanted:
        return None
    met = took <= wanted if over or took > wanted else None
    return Objective(wanted_seconds=wanted, took_seconds=took, met=met)


def _draw_phases(bars: Sequence[StepBar], wanted: Mapping[str, float]) -> list[PhaseBar]:
    """The phases that began, in the order of the timeline."""
    drawn = []
    for phase in Phase:
        steps = tuple(bar for bar in bars if bar.phase is phase)
        if not steps:
            continue
        span = measure_phase(steps)
        over = all(bar.state is StepState.DONE for bar in steps)
        took = span.end - span.start
        objective = _hold_against(wanted.get(phase.value), took, over=over)
        drawn.append(PhaseBar(phase, span.start, took, objective=objective, steps=steps))
    return drawn
