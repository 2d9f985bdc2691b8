"""The report of a run in the journal, read and written in one call."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from releve.model.run import JournalEvent, Phase, RunState
from releve.ports.journal import Journal
from releve.recovery.autopsy.case import AUTOPSY_MODE, recovery_of
from releve.recovery.catalogue import AUTOPSY, FROM_IMAGE, RECOVER, SALVAGE, UNDO
from releve.recovery.report.build import build_report
from releve.recovery.report.language import Language
from releve.recovery.report.types import Report
from releve.recovery.report.write import ReportPaths, write_report

PHASES: Mapping[str, Phase] = {
    step.name: step.phase for step in (*RECOVER, *FROM_IMAGE, *AUTOPSY, *SALVAGE, *UNDO)
}


def read_report(journal: Journal, run_id: str, *, phases: Mapping[str, Phase] = PHASES) -> Report:
    """`phases`: step name to phase, for the steps of such a run.

    A run that looked back at a recovery is told in that recovery's report.
    """
    asked = journal.read_run(run_id)
    recovery = recovery_of(asked.input)
    return build_report(
        journal.read_run(recovery),
        journal.read_events(recovery),
        [task for task in journal.read_tasks(recovery) if task.status != "started"],
        phases=phases,
        inquest=_find_later_autopsy(journal, asked.input.host, recovery),
    )


def _find_later_autopsy(
    journal: Journal, host: str, recovery: str
) -> tuple[str, Sequence[JournalEvent]] | None:
    """The newest run of its own that looked at this recovery's dead disk to the end."""
    for record in journal.list_runs(host=host):
        is_autopsy = record.input.options.get("mode") == AUTOPSY_MODE
        if is_autopsy and recovery_of(record.input) == recovery and record.state is RunState.DONE:
            return record.input.run_id, journal.read_events(record.input.run_id)
    return None


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
