"""The report of an incident as Markdown, for a ticket or a post-mortem."""

from collections.abc import Callable, Sequence
from typing import Final

from releve.recovery.report.language import Language, Wording
from releve.recovery.report.markdown_text import write_table, write_text
from releve.recovery.report.sentences import tell_interruptions, tell_outcome
from releve.recovery.report.types import Report
from releve.watch.report.sentences import (
    incident_wording,
    list_figures,
    list_steps,
    tell_after,
    tell_approval,
    tell_cause,
    tell_ending,
)
from releve.watch.report.types import IncidentReport, Line

Lines = list[str]
Section = Callable[[IncidentReport, Wording], Lines]


def render_markdown(report: IncidentReport, language: Language | str) -> str:
    wording = incident_wording(language)
    lines = [line for section in _SECTIONS for line in section(report, wording)]
    return "\n".join(lines).rstrip() + "\n"


def _write_head(report: IncidentReport, wording: Wording) -> Lines:
    facts = [
        (figure.label, f"{figure.value} ({figure.note})")
        for figure in list_figures(report, wording)
    ]
    facts.append((wording.say("what"), report.incident.reason))
    if report.incident.next_action:
        facts.append((wording.say("next_action"), report.incident.next_action))
    return [
        f"# {write_text(tell_ending(report, wording))}",
        "",
        *(f"* {_write_pair(label, value, wording)}" for label, value in facts),
        "",
    ]


def _write_detection(report: IncidentReport, wording: Wording) -> Lines:
    found = report.detection
    rows = [
        (wording.say(f"witness_{testimony.witness.value}"), testimony.text)
        for testimony in found.witnesses
    ]
    header = (wording.say("witness"), wording.say("said"))
    return [
        *_write_heading("detection", wording),
        f"* {_write_pair(wording.say('first_sign'), found.first_sign, wording)}",
        "",
        *(write_table(header, rows) if rows else [write_text(wording.say("witnesses_none")), ""]),
        *(_write_reported(found.reported, wording) if found.reported else []),
    ]


def _write_reported(lines: Sequence[Line], wording: Wording) -> Lines:
    return [f"### {write_text(wording.say('reported'))}", "", *_write_events(lines, wording)]


def _write_decision(report: IncidentReport, wording: Wording) -> Lines:
    decision = report.decision
    approvals = [tell_approval(approval, wording) for approval in decision.approvals]
    label = wording.say("approval")
    return [
        *_write_heading("decision", wording),
        *(
            _write_events(decision.lines, wording)
            if decision.lines
            else [write_text(wording.say("decision_none")), ""]
        ),
        *(f"* {_write_pair(label, approval, wording)}" for approval in approvals),
        *([""] if approvals else []),
    ]


def _write_runs(report: IncidentReport, wording: Wording) -> Lines:
    if not report.runs:
        return [*_write_heading("run", wording), write_text(wording.say("runs_none")), ""]
    return [line for run in report.runs for line in _write_run(report, run, wording=wording)]


def _write_run(report: IncidentReport, run: Report, *, wording: Wording) -> Lines:
    header = tuple(wording.say(key) for key in ("phase", "step", "after", "took", "found"))
    rows = [
        (step.phase, step.step, step.after, step.took, step.reason)
        for step in list_steps(report, run, wording)
    ]
    halt = [run.halt.reason, run.halt.remedy] if run.halt else []
    return [
        f"## {write_text(wording.say('run_title', run=run.run.run_id))}",
        "",
        write_text(tell_outcome(run, wording)),
        "",
        f"* {_write_pair(wording.say('why_down'), run.verdict or wording.say('unknown'), wording)}",
        *(f"* {write_text(text)}" for text in halt),
        "",
        *write_table(header, rows),
        write_text(tell_interruptions(run, wording)),
        "",
    ]


def _write_timeline(report: IncidentReport, wording: Wording) -> Lines:
    omitted = wording.say("omitted", count=report.omitted)
    return [
        *_write_heading("timeline", wording),
        *_write_events(report.timeline, wording),
        *([write_text(omitted), ""] if report.omitted else []),
    ]


def _write_notices(report: IncidentReport, wording: Wording) -> Lines:
    if not report.notices:
        none = write_text(wording.say("notices_none"))
        return [*_write_heading("notices", wording), none, ""]
    header = tuple(wording.say(key) for key in ("channel", "sent", "not_sent", "last_failure"))
    rows = [
        (notice.channel, str(notice.sent), str(notice.failed), notice.last_failure)
        for notice in report.notices
    ]
    return [*_write_heading("notices", wording), *write_table(header, rows)]


def _write_record(report: IncidentReport, wording: Wording) -> Lines:
    incident = report.incident
    facts = [
        ("incident", incident.incident_id),
        ("host", incident.host),
        ("state", wording.say(f"state_{incident.state.value}")),
        ("cause", tell_cause(report, wording)),
        ("began_at", wording.write_moment(incident.opened_at)),
    ]
    for run in report.runs:
        facts += [("run", run.run.run_id), ("fingerprint", run.run.fingerprint)]
    return [
        *_write_heading("record", wording),
        *(f"* {_write_pair(wording.say(key), value, wording)}" for key, value in facts),
    ]


def _write_heading(key: str, wording: Wording) -> Lines:
    return [f"## {write_text(wording.say(key))}", ""]


def _write_events(lines: Sequence[Line], wording: Wording) -> Lines:
    header = tuple(wording.say(key) for key in ("after", "event", "found"))
    rows = [
        (
            tell_after(line.after_seconds, wording),
            wording.say(f"event_{line.kind.value}"),
            line.text,
        )
        for line in lines
    ]
    return write_table(header, rows)


def _write_pair(label: str, value: str, wording: Wording) -> str:
    return f"**{write_text(label)}**{wording.say('colon')} {write_text(value)}"


_SECTIONS: Final[tuple[Section, ...]] = (
    _write_head,
    _write_detection,
    _write_decision,
    _write_runs,
    _write_timeline,
    _write_notices,
    _write_record,
)
