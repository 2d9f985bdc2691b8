"""How the watch had seen it, for a run that answers an incident."""

from datetime import datetime

from releve.model.run import RunRecord
from releve.recovery.report.reading import as_fields, read_text, read_time
from releve.recovery.report.types import Detection


def read_detection(run: RunRecord) -> Detection | None:
    """None where nobody watched: a person began the run by themselves."""
    incident_id = read_text(run.input.options, "incident")
    times = as_fields(run.input.options.get("detection"))
    seen_at = read_time(times, "opened_at")
    if not incident_id or seen_at is None:
        return None
    return Detection(
        incident_id=incident_id,
        seen_at=seen_at,
        confirmed_after_seconds=_seconds_between(seen_at, read_time(times, "confirmed_at")),
        begun_after_seconds=_seconds_between(seen_at, run.started_at) or 0.0,
    )


def _seconds_between(start: datetime, end: datetime | None) -> float | None:
    """Never less than none: the clock of another controller may be behind."""
    return max(0.0, (end - start).total_seconds()) if end else None
