"""The report as one page that a client can read: nothing runs in it, nothing is fetched by it."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from releve.model.converge import HostStats
from releve.recovery.report.autopsy_types import (
    LogLine,
)
from releve.recovery.report.drawing import Drawing, draw_timeline
from releve.recovery.report.language import Language, Wording, wording_for
from releve.recovery.report.page import open_template, read_resource, style_values
from releve.recovery.report.sentences import (
    count_checks_after,
    count_checks_before,
    list_acts,
    list_disk_facts,
    salvage_command,
    tell_detection,
    tell_interruptions,
    tell_kind,
    tell_objective,
    tell_outcome,
    tell_proof,
    tell_recount,
    tell_title,
)
from releve.recovery.report.types import (
    Objective,
    Report,
)

_PACKAGE = "releve.recovery.report"
_KINDS = ("provider", "converge", "own", "halted")


def render_html(report: Report, language: Language | str) -> str:
    wording = wording_for(language)
    page: str = open_template(_PACKAGE).render(
        **_page_values(report, wording), **timeline_values(report, wording), wording=wording
    )
    return page


def timeline_values(report: Report, wording: Wording) -> dict[str, Any]:
    """What `timeline.html.j2` draws."""
    drawing = draw_timeline(report.timing)
    return {
        "timing": report.timing,
        "drawing": drawing,
        "kinds": _kinds_in(drawing),
        "interruptions": tell_interruptions(report, wording),
        "has_phase_objectives": any(phase.objective for phase in report.timing.phases),
        "verdict_class": _verdict_class,
        "tell_objective": _tell_with(wording),
    }


def _page_values(report: Report, wording: Wording) -> dict[str, Any]:
    ansible, phases = report.ansible, report.timing.phases
    return {
        "report": report,
        "told": _tell_autopsy(report, wording),
        "salvage_command": salvage_command,
        "moves": report.moves,
        **style_values(read_resource(_PACKAGE, "page.css")),
        "title": tell_title(report, wording),
        "kicker": tell_kind(report, wording),
        "proof": tell_proof(report, wording),
        "seen": tell_detection(report, wording),
        "outcome": tell_outcome(report, wording),
        "objective": tell_objective(report.timing.objective, wording),
        "acts": list_acts(report, wording),
        "before": count_checks_before(report),
        "after": count_checks_after(report),
        "stat_keys": [field.name for field in fields(HostStats) if field.name != "host"],
        "steps": sorted(
            (step for phase in phases for step in phase.steps), key=lambda step: step.start_seconds
        ),
        "task_lists": [
            ("ansible_failures", ansible.failed if ansible else ()),
            ("ansible_ignored_errors", ansible.ignored if ansible else ()),
            ("ansible_slowest", ansible.slowest if ansible else ()),
        ],
    }


def _tell_autopsy(report: Report, wording: Wording) -> dict[str, Any]:
    autopsy = report.autopsy
    recount = autopsy.recount if autopsy else None
    disk, words = (autopsy.disk, autopsy.words) if autopsy else (None, None)
    return {
        "recount": tell_recount(recount, wording) if recount else "",
        "disk": list_disk_facts(disk, wording) if disk else [],
        "while_it_ran": [LogLine(None, "", text) for text in words.while_it_ran] if words else [],
    }


def _kinds_in(drawing: Drawing) -> list[str]:
    seen = {bar.kind for row in drawing.rows for bar in row.bars}
    return [kind for kind in _KINDS if kind in seen]


def _verdict_class(objective: Objective) -> str:
    return {True: "met", False: "missed", None: ""}[objective.met]


def _tell_with(wording: Wording) -> Callable[[Objective], str]:
    return lambda objective: tell_objective(objective, wording)
