"""A run in which everything that can come from an instance is one payload."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from releve.model.run import EventKind, JournalEvent, RunState
from releve.recovery.report.build import build_report
from releve.recovery.report.types import Report
from tests.report.sample_run import (
    BEGAN,
    INQUEST,
    PHASES,
    STEPS,
    event,
    make_record,
    make_tasks,
)


def hostile_report(payload: str, *, state: RunState = RunState.NEEDS_PERSON) -> Report:
    record = replace(make_record(state, host=payload), next_action=payload)
    record = replace(record, input=replace(record.input, commit=payload, fingerprint=payload))
    tasks = make_tasks(task=payload, role=payload, location=payload, message=payload, host=payload)
    return build_report(record, hostile_events(payload), tasks, phases=PHASES)


def hostile_events(payload: str) -> Sequence[JournalEvent]:
    events = [
        event(
            name,
            EventKind.DONE,
            start + seconds,
            payload,
            seconds=seconds,
            output=poison(output, payload),
        )
        for name, start, seconds, output in (*STEPS, *INQUEST)
        if name not in {"promote", "close"}
    ]
    unknown = event(payload, EventKind.DONE, 94.0, payload, seconds=0.1, output={})
    halt = event("promote", EventKind.HALTED, 94.1, payload, seconds=0.1, remedy=payload)
    return [*events, unknown, replace(halt, at=BEGAN + timedelta(seconds=94.2))]


def poison(value: Any, payload: str) -> Any:
    """The same shape with every text replaced."""
    if isinstance(value, dict):
        return {key: poison(item, payload) for key, item in value.items()}
    if isinstance(value, list):
        return [poison(item, payload) for item in value]
    return payload if isinstance(value, str) else value
