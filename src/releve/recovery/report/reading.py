"""Read what a cut-off run or an older version left in the journal: what is missing is empty."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from releve.model.run import EventKind, JournalEvent

MAX_CHARACTERS = 500
MAX_ITEMS = 200
MAX_SECONDS = 10.0**8  # three years

Fields = Mapping[str, Any]


def read_outputs(events: Iterable[JournalEvent]) -> dict[str, Fields]:
    """Step name to the output of its last DONE."""
    outputs: dict[str, Fields] = {}
    for event in events:
        if event.kind is EventKind.DONE and event.step:
            outputs[event.step] = as_fields(event.data.get("output"))
    return outputs


def as_fields(value: Any) -> Fields:
    return value if isinstance(value, Mapping) else {}


def read_items(fields: Fields, key: str) -> list[Fields]:
    value = fields.get(key)
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [item for item in value[:MAX_ITEMS] if isinstance(item, Mapping)]


def read_text(fields: Fields, key: str, *, limit: int = MAX_CHARACTERS) -> str:
    value = fields.get(key)
    return "" if value is None else str(value)[:limit]


def read_number(fields: Fields, key: str) -> float:
    """A finite number of at least 0."""
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0.0
    return max(0.0, float(value))


def read_seconds(fields: Fields, key: str = "seconds") -> float:
    """As read_number, and never more than a clock can be moved by."""
    return min(read_number(fields, key), MAX_SECONDS)


def read_time(fields: Fields, key: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(read_text(fields, key))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
