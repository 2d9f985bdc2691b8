"""The report of a run in the journal, read and written in one call."""

from collections.abc import Mapping
from pathlib import Path

from releve.model.run import Phase
from releve.ports.journal import Journal
from releve.recovery.catalogue import FROM_IMAGE, RECOVER, UNDO
from releve.recovery.report.build import build_report
from releve.recovery.report.language import Language
from releve.recovery.report.types import Report
from releve.recovery.report.write import ReportPaths, write_report

PHASES: Mapping[str, Phase] = {step.name: step.phase for step in (*RECOVER, *FROM_IMAGE, *UNDO)}


def read_report(journal: Journal, run_id: str, *, phases: Mapping[str, Phase] = PHASES) -> Report:
    """`phases`: step name to phase, for the steps of such a run."""
    return build_report(
        journal.read_run(run_id),
        journal.read_events(run_id),
        [task for task in journal.read_tasks(run_id) if task.status != "started"],
        phases=phases,
    )


def write_run_report(
    journal: Journal,
    run_id: str,
    *,
    directory: Path,
    language: Language | str,
    phases: Mapping[str, Phase] = PHASES,
) -> ReportPaths:
    """Written anew from the journal, whatever was there."""
    return write_report(read_report(journal, run_id, phases=phases), directory, language)
