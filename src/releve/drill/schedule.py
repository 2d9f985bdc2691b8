"""When a scheduled drill is due; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from croniter import croniter  # type: ignore[import-untyped]  # has no types

from releve.model.run import Mode, RunRecord

MOST_TRIES: Final = 3  # at one scheduled moment, where drills are broken off


@dataclass(frozen=True)
class Due:
    is_due: bool
    why: str


def judge_due(
    schedule: str, records: Sequence[RunRecord], *, serving_since: datetime, now: datetime
) -> Due:
    """`records`: runs of the host, newest first. A moment that was missed is made up for once.

    A host that was never drilled waits for its first moment after `serving_since`.
    """
    moment: datetime = croniter(schedule, now).get_prev(datetime)
    if open_recovery := next((run for run in records if _is_open(run, Mode.RECOVER)), None):
        return Due(is_due=False, why=f"run {open_recovery.input.run_id} recovers the host")
    drills = [record for record in records if record.input.mode is Mode.DRILL]
    since = [drill for drill in drills if drill.started_at >= moment]
    if any(not drill.cancel_requested and drill.state.is_over for drill in since):
        return Due(is_due=False, why="it was drilled since")
    if len(since) >= MOST_TRIES:
        return Due(is_due=False, why=f"{len(since)} drills were broken off since")
    if not drills and moment <= serving_since:
        return Due(is_due=False, why="its first moment is still to come")
    return Due(is_due=True, why=f"scheduled for {moment.isoformat(timespec='minutes')}")


def _is_open(record: RunRecord, mode: Mode) -> bool:
    return record.input.mode is mode and not record.state.is_over
