"""The report as JSON, in no language, for other programs."""

import dataclasses
import json
from datetime import datetime
from typing import Any

from releve.recovery.report.types import Report

FORMAT = 1


def render_json(report: Report) -> str:
    """ASCII, so that no text in it can act on a terminal."""
    return write_document({"format": FORMAT, **dataclasses.asdict(report)})


def write_document(document: dict[str, Any]) -> str:
    """ASCII; times in ISO 8601, and no value that JSON does not know."""
    return json.dumps(document, indent=2, allow_nan=False, default=_write_time) + "\n"


def _write_time(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not a value of a report")
