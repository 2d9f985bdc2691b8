"""The report of an incident as JSON, in no language, for other programs."""

import dataclasses

from releve.recovery.report.as_json import write_document
from releve.watch.report.types import IncidentReport

FORMAT = 1


def render_json(report: IncidentReport) -> str:
    """ASCII, so that no text in it can act on a terminal; its runs are as in their own reports."""
    return write_document({"format": FORMAT, **dataclasses.asdict(report)})
