"""What earlier drills of a host have said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from releve.drill.verdict import Readiness, Verdict, judge_later
from releve.model.run import EventKind, JournalEvent, Mode, Output, RunRecord
from releve.plan.loading import LoadedPlan
from releve.ports.clock import Clock
from releve.ports.journal import Journal
from releve.recovery.fingerprint import fingerprint
from releve.recovery.recover import freeze_plan

SPOKEN_BY = ("conclude", "undo_conclude")


@dataclass(frozen=True)
class LastVerdict:
    run_id: str
    at: datetime
    verdict: Verdict


def verdict_of(events: Sequence[JournalEvent]) -> Verdict | None:
    """As the drill spoke it when it ended."""
    spoken = _find_spoken(events)
    return _read(spoken) if spoken is not None else None


def find_last_drill(journal: Journal, host: str) -> RunRecord | None:
    """The newest that is over."""
    for record in journal.list_runs(host=host):
        if record.input.mode is Mode.DRILL and record.state.is_over:
            return record
    return None


def read_last_verdict(
    loaded: LoadedPlan, host: str, *, journal: Journal, clock: Clock
) -> LastVerdict | None:
    """The newest that was spoken, as it holds today."""
    for record in journal.list_runs(host=host):
        if record.input.mode is not Mode.DRILL or not record.state.is_over:
            continue
        spoken = _find_spoken(journal.read_events(record.input.run_id))
        if spoken is None:
            continue
        at = record.ended_at or record.started_at
        verdict = judge_later(
            _read(spoken),
            drilled_at=at,
            now=clock.now(),
            is_unchanged=_is_unchanged(loaded, record),
        )
        return LastVerdict(record.input.run_id, at, verdict)
    return None


def _find_spoken(events: Sequence[JournalEvent]) -> Output | None:
    for event in reversed(events):
        if event.kind is EventKind.DONE and event.step in SPOKEN_BY:
            output: Output = event.data.get("output") or {}
            return output
    return None


def _read(output: Output) -> Verdict:
    def texts(key: str) -> tuple[str, ...]:
        found: Any = output.get(key) or []
        return tuple(str(text) for text in found)

    return Verdict(
        Readiness(output.get("readiness", Readiness.UNKNOWN)),
        texts("reasons"),
        texts("notes"),
        {str(name): float(took) for name, took in (output.get("seconds") or {}).items()},
        str(output.get("image", "")),
    )


def _is_unchanged(loaded: LoadedPlan, record: RunRecord) -> bool:
    host = record.input.host
    if host not in loaded.plan.hosts:
        return False
    frozen = freeze_plan(loaded, loaded.plan.hosts[host])
    return fingerprint(frozen, loaded.repository) == record.input.fingerprint
