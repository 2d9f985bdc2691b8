"""The report of an incident as JSON, in no language, for other programs."""

import dataclasses
import json
from datetime import datetime
from typing import Any

from releve.watch.report.types import IncidentReport

FORMAT = 1


def render_json(report: IncidentReport) -> str:
    """ASCII, so that no text in it can act on a terminal; its runs are as in their own reports."""
    document = {"format": FORMAT, **dataclasses.asdict(report)}
    return json.dumps(document, indent=2, allow_nan=False, default=_write_time) + "\n"


def _write_time(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not a value of a report")
