"""Put the report of an incident on disk: each file whole or not at all."""

import re
from functools import partial
from pathlib import Path

from releve.errors import ReleveError
from releve.recovery.report.language import Language
from releve.recovery.report.write import ReportPaths, paths_in, write_all
from releve.watch.report.as_html import render_html
from releve.watch.report.as_json import render_json
from releve.watch.report.as_markdown import render_markdown
from releve.watch.report.types import IncidentReport


def write_incident_report(
    report: IncidentReport, directory: Path, language: Language | str
) -> ReportPaths:
    """Named by the incident, readable by their owner only; ReleveError if they cannot be."""
    stem = _require_name(report.incident.incident_id)
    paths = paths_in(directory, stem)
    forms = {
        paths.json: partial(render_json, report),
        paths.markdown: partial(render_markdown, report, language),
        paths.html: partial(render_html, report, language),
    }
    write_all(forms, directory, command=f"releve incidents {stem}")
    return paths


def _require_name(incident_id: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{1,200}", incident_id):
        return incident_id
    raise ReleveError(
        "the report cannot be named after its incident",
        why="the incident's id in the store is not of Relève's making",
        remedy="Look at who can write the store",
    )
