"""Put a report on disk: each file whole or not at all."""

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from releve.errors import ReleveError
from releve.recovery.report.as_html import render_html
from releve.recovery.report.as_json import render_json
from releve.recovery.report.as_markdown import render_markdown
from releve.recovery.report.language import Language
from releve.recovery.report.types import Report


@dataclass(frozen=True)
class ReportPaths:
    json: Path
    markdown: Path
    html: Path


def report_directory(state_directory: Path) -> Path:
    """Where a run's own report goes."""
    return state_directory / "reports"


def find_report(state_directory: Path, run_id: str) -> ReportPaths | None:
    """The report that the run wrote when it ended; None where it has not."""
    paths = paths_in(report_directory(state_directory), _require_name(run_id))
    return paths if paths.html.is_file() else None


def write_report(report: Report, directory: Path, language: Language | str) -> ReportPaths:
    """Files are named by the run, readable by their owner only; ReleveError if they cannot be."""
    stem = _require_name(report.run.run_id)
    paths = paths_in(directory, stem)
    forms = {
        paths.json: partial(render_json, report),
        paths.markdown: partial(render_markdown, report, language),
        paths.html: partial(render_html, report, language),
    }
    write_all(forms, directory, command=f"releve runs show {stem}")
    return paths


def write_all(forms: Mapping[Path, Callable[[], str]], directory: Path, *, command: str) -> None:
    """Each as it is made, in this order; `command` shows the report again.

    ReleveError where one cannot be written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, render in forms.items():
            replace_file(path, render())
    except OSError as error:
        raise ReleveError(
            f"the report cannot be written to {directory}",
            why=error.strerror or str(error),
            remedy=f"Make room or choose another place: {command} --report DIRECTORY",
        ) from error


def paths_in(directory: Path, stem: str) -> ReportPaths:
    return ReportPaths(
        json=directory / f"{stem}.json",
        markdown=directory / f"{stem}.md",
        html=directory / f"{stem}.html",
    )


def _require_name(run_id: str) -> str:
    if re.fullmatch(r"[a-z][a-z0-9]{1,31}", run_id):
        return run_id
    raise ReleveError(
        "the report cannot be named after its run",
        why="the run id in the journal is not of Relève's making",
        remedy="Look at who can write the journal",
    )


def replace_file(path: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
