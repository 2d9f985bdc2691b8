"""What must hold within the drill section of a host; pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from croniter import croniter  # type: ignore[import-untyped]  # has no types

from releve.plan.durations import format_duration
from releve.plan.problems import Place, Problem, quote
from releve.plan.types import DrillPlan, HostPlan

_FIELDS: Final = 5  # minutes are the finest: nobody rehearses a recovery every second
_REMEDY: Final = "write minute, hour, day, month and weekday, such as `0 3 * * 0`"


def list_drill_problems(host: HostPlan, place: Place) -> Iterator[Problem]:
    yield from _judge_schedule(host.drill, (*place, "schedule"))
    if host.drill.timeout <= host.converge.timeout:
        yield Problem(
            "the drill is broken off before its converge may end",
            f"a drill may take {format_duration(host.drill.timeout)},"
            f" one converge {format_duration(host.converge.timeout)}",
            "lengthen the drill's timeout, or shorten converge's",
            (*place, "timeout"),
        )


def _judge_schedule(drill: DrillPlan, place: Place) -> Iterator[Problem]:
    if not drill.schedule:
        return
    fields = drill.schedule.split()
    if len(fields) != _FIELDS or not croniter.is_valid(" ".join(fields)):
        why = "a field is out of range"
        if len(fields) != _FIELDS:
            why = f"a cron expression has five fields, this has {len(fields)}"
        yield Problem(f"{quote(drill.schedule)} is no cron expression", why, _REMEDY, place)
        return
    try:
        croniter(drill.schedule, datetime(2026, 1, 1, tzinfo=UTC)).get_next()
    except (ValueError, KeyError):
        yield Problem(
            f"{quote(drill.schedule)} never comes",
            "no day fits all of its fields",
            _REMEDY,
            place,
        )
