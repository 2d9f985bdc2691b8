"""Journal rows from and to the model; text from instances is data, cut to size and storable."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from releve.model.converge import TaskEvent, Touch, TouchKind
from releve.model.run import EventKind, JournalEvent, Json, Output, RunInput, RunRecord, RunState

MOST_DATA_CHARACTERS = 64 * 1024
MOST_TEXT_CHARACTERS = 4_000
_CUT = " […cut]"


def time_to_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def storable(text: str) -> str:
    """Cut to size, without the characters that no database takes."""
    if len(text) > MOST_TEXT_CHARACTERS:
        text = text[: MOST_TEXT_CHARACTERS - len(_CUT)] + _CUT
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def json_of(data: Output) -> str:
    """Compact JSON; data over the size limit becomes its beginning, marked as cut."""
    text = json.dumps(data, separators=(",", ":"), default=str)
    if len(text) <= MOST_DATA_CHARACTERS:
        return text
    begin = text[: MOST_DATA_CHARACTERS // 2]
    return json.dumps({"cut": True, "characters": len(text), "begins": begin})


def values_of_run(run: RunInput) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "host": run.host,
        "epoch": run.epoch,
        "input": input_to_json(run),
        "state": RunState.PENDING.value,
        "next_action": "",
        "started_at": time_to_text(datetime.now(UTC)),
        "cancel_requested": False,
    }


def values_of_event(event: JournalEvent) -> dict[str, Any]:
    return {
        "run_id": event.run_id,
        "step": event.step,
        "kind": event.kind.value,
        "at": time_to_text(event.at),
        "text": storable(event.text),
        "attempt": event.attempt,
        "data": json_of(event.data),
    }


def input_to_json(run: RunInput) -> str:
    return json.dumps(asdict(run), sort_keys=True, separators=(",", ":"))


def run_from_row(row: sa.RowMapping) -> RunRecord:
    return RunRecord(
        input=_input_from(json.loads(row["input"])),
        state=RunState(row["state"]),
        started_at=datetime.fromisoformat(row["started_at"]),
        ended_at=datetime.fromisoformat(row["ended_at"]) if row["ended_at"] else None,
        next_action=row["next_action"],
        cancel_requested=bool(row["cancel_requested"]),
    )


def event_from_row(row: sa.RowMapping) -> JournalEvent:
    return JournalEvent(
        run_id=row["run_id"],
        step=row["step"],
        kind=EventKind(row["kind"]),
        at=datetime.fromisoformat(row["at"]),
        text=row["text"],
        attempt=row["attempt"],
        data=json.loads(row["data"]),
    )


def task_from_json(text: str) -> TaskEvent:
    fields: dict[str, Json] = json.loads(text)
    touches = tuple(Touch(TouchKind(t["kind"]), t["name"]) for t in fields.pop("touches"))
    return TaskEvent(touches=touches, **fields)


def task_to_json(event: TaskEvent) -> str:
    """A task that touches too much to be kept whole keeps its first touches."""
    fields = asdict(event) | {"message": storable(event.message)}
    while len(text := json.dumps(fields, separators=(",", ":"))) > MOST_DATA_CHARACTERS:
        if not fields["touches"]:
            return json.dumps(_cut_fields(fields), separators=(",", ":"))
        fields["touches"] = fields["touches"][: len(fields["touches"]) // 2]
    return text


def _cut_fields(fields: Mapping[str, Json]) -> dict[str, Json]:
    return {
        name: storable(value) if isinstance(value, str) else value for name, value in fields.items()
    }


def _input_from(fields: dict[str, Json]) -> RunInput:
    return RunInput(**{**fields, "steps": tuple(fields["steps"])})
