"""The report as one page that a client can read: nothing runs in it, nothing is fetched by it."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from releve.model.converge import HostStats
from releve.model.server_text import show_server_text
from releve.recovery.report.drawing import Drawing, draw_timeline
from releve.recovery.report.language import Language, Wording, wording_for
from releve.recovery.report.sentences import (
    count_checks_after,
    count_checks_before,
    list_acts,
    tell_interruptions,
    tell_objective,
    tell_outcome,
)
from releve.recovery.report.types import Objective, Report

MAX_SHOWN_CHARACTERS = 2000
_KINDS = ("provider", "converge", "own", "halted")


def render_html(report: Report, language: Language | str) -> str:
    wording = wording_for(language)
    drawing = draw_timeline(report.timing)
    page: str = _page_template().render(
        **_page_values(report, wording),
        drawing=drawing,
        kinds=_kinds_in(drawing),
        wording=wording,
        verdict_class=_verdict_class,
        tell_objective=_tell_with(wording),
    )
    return page


def _page_values(report: Report, wording: Wording) -> dict[str, Any]:
    ansible, phases = report.ansible, report.timing.phases
    return {
        "report": report,
        "timing": report.timing,
        "moves": report.moves,
        "policy": _policy(),
        "style": Markup(_style()),  # noqa: S704 - our own file; it holds nothing from a run
        "outcome": tell_outcome(report, wording),
        "objective": tell_objective(report.timing.objective, wording),
        "interruptions": tell_interruptions(report, wording),
        "acts": list_acts(report, wording),
        "before": count_checks_before(report),
        "after": count_checks_after(report),
        "stat_keys": [field.name for field in fields(HostStats) if field.name != "host"],
        "has_phase_objectives": any(phase.objective for phase in phases),
        "steps": sorted(
            (step for phase in phases for step in phase.steps), key=lambda step: step.start_seconds
        ),
        "task_lists": [
            ("ansible_failures", ansible.failed if ansible else ()),
            ("ansible_ignored_errors", ansible.ignored if ansible else ()),
            ("ansible_slowest", ansible.slowest if ansible else ()),
        ],
    }


@cache
def _page_template() -> Any:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        loader=FunctionLoader(_read_resource),
    )
    environment.filters["per_cent"] = _write_per_cent
    environment.globals.clear()
    return environment.get_template("page.html.j2")


def _clean(value: object) -> object:
    """Every text that enters the page passes here, wherever it came from."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return show_server_text(value, limit=MAX_SHOWN_CHARACTERS)


def _write_per_cent(value: float) -> str:
    return f"{value:.3f}%"


def _read_resource(name: str) -> str:
    return resources.files("releve.recovery.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _style() -> str:
    return _read_resource("page.css")


@cache
def _policy() -> str:
    """No script, no request, no frame; of styles only ours, by its hash."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _kinds_in(drawing: Drawing) -> list[str]:
    seen = {bar.kind for row in drawing.rows for bar in row.bars}
    return [kind for kind in _KINDS if kind in seen]


def _verdict_class(objective: Objective) -> str:
    return {True: "met", False: "missed", None: ""}[objective.met]


def _tell_with(wording: Wording) -> Callable[[Objective], str]:
    return lambda objective: tell_objective(objective, wording)
