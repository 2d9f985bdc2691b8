"""releve incidents: what went wrong with which host, and what was done; changes nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # importing these would slow every `releve --help`
    from collections.abc import Sequence
    from datetime import datetime

    from releve.cli.terminal import Terminal
    from releve.model.incident import Incident, Pause
    from releve.recovery.report.language import Wording
    from releve.recovery.report.write import ReportPaths
    from releve.watch.report.types import IncidentReport
    from releve.wiring import State

LISTED = 100


def register(app: typer.Typer) -> None:
    app.command("incidents")(incidents)


def incidents(
    incident: Annotated[
        str, typer.Argument(help="show this one, from the first sign on; its id")
    ] = "",
    *,
    host: Annotated[str, typer.Option("--host", help="incidents of this host only")] = "",
    only_open: Annotated[bool, typer.Option("--open", help="those that are not over")] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="write its report into this directory")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="en or fr")] = "en",
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """List incidents and pauses, newest first, or show one as a timeline."""
    from releve.wiring import open_state

    _require_one_way(incident, report, listing=bool(host or only_open))
    state = open_state()
    if incident:
        _show(incident, state, report=report, language=lang, as_json=json)
    else:
        _list(state, host, only_open=only_open, as_json=json)


def _require_one_way(incident: str, report: Path | None, *, listing: bool) -> None:
    from releve.errors import PlanError

    if incident and listing:
        raise PlanError(
            "an incident is named, and a choice of several as well",
            why="--host and --open choose what is listed",
            remedy="leave them out to see the one incident",
        )
    if report and not incident:
        raise PlanError(
            "a report is of one incident",
            why="none is named",
            remedy="name it: releve incidents INCIDENT --report DIRECTORY",
        )


def _list(state: "State", host: str, *, only_open: bool, as_json: bool) -> None:
    from releve.cli.pause import pause_to_json
    from releve.cli.terminal import Terminal
    from releve.watch.pausing import choose_pauses, tell_pause

    now = state.clock.now()
    found = state.incidents.list_incidents(host=host, only_open=only_open, limit=LISTED)
    pauses = choose_pauses(state.incidents.list_pauses(now=now), host)
    terminal = Terminal()
    if as_json:
        listed = [_to_json(one, now) for one in found]
        terminal.json({"incidents": listed, "pauses": [pause_to_json(one) for one in pauses]})
        return
    if found:
        _print_table(terminal, found, now)
    else:
        terminal.line("No incident is open." if only_open else "No incident yet.")
    for pause in pauses:
        terminal.line(f"Note: {tell_pause(pause)}")
    if found:
        terminal.line(f"Next: releve incidents {found[0].incident_id}")


def _print_table(terminal: "Terminal", found: "Sequence[Incident]", now: "datetime") -> None:
    from releve.recovery.report.language import wording_for

    write_duration = wording_for("en").write_duration
    terminal.table(
        ("incident", "host", "state", "since", "lasted", "what is wrong", "next"),
        [
            (
                one.incident_id,
                one.host,
                f"{one.verdict.state.value}, {one.state.value}",
                f"{one.opened_at:%Y-%m-%d %H:%M:%S}Z",
                write_duration(_measure(one, now)),
                one.verdict.reason,
                one.next_action,
            )
            for one in found
        ],
    )


def _measure(incident: "Incident", now: "datetime") -> float:
    return max(0.0, ((incident.cleared_at or now) - incident.opened_at).total_seconds())


def _to_json(incident: "Incident", now: "datetime") -> dict[str, Any]:
    verdict = incident.verdict
    times = {"confirmed_at": incident.confirmed_at, "cleared_at": incident.cleared_at}
    return {
        "incident": incident.incident_id,
        "host": incident.host,
        "state": incident.state.value,
        "host_state": verdict.state.value,
        "cause": verdict.cause.value,
        "reason": verdict.reason,
        "opened_at": incident.opened_at.isoformat(timespec="seconds"),
        **{key: at.isoformat(timespec="seconds") if at else None for key, at in times.items()},
        "seconds": round(_measure(incident, now), 1),
        "runs": list(incident.run_ids),
        "next_action": incident.next_action,
    }


def _show(
    incident_id: str, state: "State", *, report: Path | None, language: str, as_json: bool
) -> None:
    import json

    from releve.cli.terminal import Terminal
    from releve.watch.pausing import choose_pauses
    from releve.watch.report.as_json import render_json
    from releve.watch.report.of_incident import read_incident_report
    from releve.watch.report.sentences import incident_wording
    from releve.watch.report.write import write_incident_report

    wording = incident_wording(language)
    told = read_incident_report(state.incidents, state.journal, incident_id, now=state.clock.now())
    paths = write_incident_report(told, report, language) if report else None
    if as_json:
        document: dict[str, Any] = json.loads(render_json(told))
        Terminal().json({**document, "report": _name_paths(paths)})
        return
    pauses = state.incidents.list_pauses(now=state.clock.now())
    holding = [] if told.incident.cleared_at else choose_pauses(pauses, told.incident.host)
    _tell(Terminal(), told, holding, wording=wording)
    if paths:
        Terminal().line(f"{wording.say('kicker')}{wording.say('colon')} {paths.html}")


def _name_paths(paths: "ReportPaths | None") -> dict[str, str] | None:
    from dataclasses import asdict

    return {kind: str(path) for kind, path in asdict(paths).items()} if paths else None


def _tell(
    terminal: "Terminal", report: "IncidentReport", pauses: "Sequence[Pause]", *, wording: "Wording"
) -> None:
    from releve.watch.pausing import tell_pause
    from releve.watch.report.sentences import list_figures, tell_approval, tell_ending

    incident, colon = report.incident, wording.say("colon")
    terminal.line(tell_ending(report, wording), style="bold")
    terminal.line(f"{incident.incident_id}, {wording.write_moment(incident.opened_at)}")
    terminal.line(f"{wording.say('what')}{colon} {incident.reason}")
    for testimony in report.detection.witnesses:
        terminal.line(
            f"  {wording.say(f'witness_{testimony.witness.value}')}{colon} {testimony.text}"
        )
    for figure in list_figures(report, wording):
        terminal.line(f"{figure.label} {figure.value}, {figure.note}")
    _print_timeline(terminal, report, wording)
    for approval in report.decision.approvals:
        terminal.line(f"{wording.say('approval')}{colon} {tell_approval(approval, wording)}")
    for pause in pauses:
        terminal.line(f"Note: {tell_pause(pause)}")
    if incident.next_action:
        terminal.line(f"{wording.say('next_action')}{colon} {incident.next_action}")


def _print_timeline(terminal: "Terminal", report: "IncidentReport", wording: "Wording") -> None:
    """What the watch saw and did, with the steps of the runs in between."""
    from releve.watch.report.sentences import list_moments

    terminal.table(
        (wording.say("after"), wording.say("event"), wording.say("took"), wording.say("found")),
        [(line.after, line.what, line.took, line.text) for line in list_moments(report, wording)],
    )
