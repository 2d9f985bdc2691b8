"""The report of an incident as one page: nothing runs in it, nothing is fetched by it."""

from dataclasses import dataclass
from typing import Any, Final

from releve.recovery.report.as_html import timeline_values
from releve.recovery.report.language import Language, Wording
from releve.recovery.report.page import open_template, read_resource, style_values
from releve.recovery.report.sentences import tell_outcome
from releve.recovery.report.types import Report
from releve.watch.report.sentences import (
    StepLine,
    incident_wording,
    list_figures,
    list_steps,
    tell_after,
    tell_approval,
    tell_cause,
    tell_ending,
)
from releve.watch.report.types import Ending, IncidentReport

_PACKAGE: Final = "releve.watch.report"
_BADGES: Final = {
    Ending.RECOVERED: "recovered",
    Ending.BY_ITSELF: "recovered",
    Ending.NEEDS_PERSON: "needs_person",
    Ending.WAITING: "needs_person",
}


@dataclass(frozen=True)
class RunPart:
    """One run as the page shows it."""

    report: Report
    outcome: str
    steps: tuple[StepLine, ...]
    drawn: dict[str, Any]  # what the timeline needs


def render_html(report: IncidentReport, language: Language | str) -> str:
    wording = incident_wording(language)
    style = read_resource("releve.recovery.report", "page.css")
    page: str = open_template(_PACKAGE).render(
        **style_values(style + read_resource(_PACKAGE, "page.css")),
        report=report,
        incident=report.incident,
        wording=wording,
        title=wording.say("page_title", host=report.incident.host),
        ending=tell_ending(report, wording),
        badge=_BADGES.get(report.ending, ""),
        cause=tell_cause(report, wording),
        figures=list_figures(report, wording),
        approvals=[tell_approval(approval, wording) for approval in report.decision.approvals],
        runs=[_draw_run(report, run, wording) for run in report.runs],
        since=lambda seconds: tell_after(seconds, wording),
    )
    return page


def _draw_run(report: IncidentReport, run: Report, wording: Wording) -> RunPart:
    return RunPart(
        report=run,
        outcome=tell_outcome(run, wording),
        steps=tuple(list_steps(report, run, wording)),
        drawn=timeline_values(run, wording),
    )
