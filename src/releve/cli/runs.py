"""releve runs: what was done, and how each run went; reads the journal, changes nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # importing these would slow every `releve --help`
    from releve.cli.terminal import Terminal
    from releve.model.run import RunRecord
    from releve.recovery.report.language import Wording
    from releve.recovery.report.types import Report
    from releve.recovery.report.write import ReportPaths
    from releve.wiring import State

LISTED = 100


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        name="runs",
        help="List runs, or show one.",
        invoke_without_command=True,
        rich_markup_mode=None,
    )
    group.callback()(runs)
    group.command("show")(show)
    app.add_typer(group)


def runs(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option("--host", help="runs of this host only")] = "",
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """List runs, newest first."""
    if context.invoked_subcommand is not None:
        return
    from releve.cli.terminal import Terminal
    from releve.wiring import open_state

    state = open_state()
    listed = [
        _describe(record, state) for record in state.journal.list_runs(host=host, limit=LISTED)
    ]
    terminal = Terminal()
    if json:
        terminal.json({"runs": listed})
    elif not listed:
        terminal.line("No run yet. Next: releve check")
    else:
        _print_runs(terminal, listed)


def _describe(record: "RunRecord", state: "State") -> dict[str, Any]:
    run_id = record.input.run_id
    return {
        "run": run_id,
        "host": record.input.host,
        "provider": record.input.plan.get("provider", {}),
        "state": record.state.value,
        "driven": state.lease.is_held(f"run {run_id}"),
        "started_at": record.started_at.isoformat(timespec="seconds"),
        "seconds": round(_measure(record, state), 1),
        "next_action": record.next_action,
    }


def _measure(record: "RunRecord", state: "State") -> float:
    """Until the run ended; until its last sign of life where it has not."""
    until = record.ended_at
    if until is None:
        events = state.journal.read_events(record.input.run_id)
        until = events[-1].at if events else record.started_at
    return max(0.0, (until - record.started_at).total_seconds())


def _print_runs(terminal: "Terminal", listed: list[dict[str, Any]]) -> None:
    from releve.recovery.report.language import wording_for

    write_duration = wording_for("en").write_duration
    terminal.table(
        ("run", "host", "state", "began", "took", "next"),
        [
            (
                run["run"],
                run["host"],
                _name_state(run),
                run["started_at"].replace("T", " ").replace("+00:00", "Z"),
                write_duration(run["seconds"]),
                run["next_action"],
            )
            for run in listed
        ],
    )


def _name_state(run: dict[str, Any]) -> str:
    if run["state"] != "PENDING":
        return str(run["state"])
    return "under way" if run["driven"] else "interrupted"


def show(
    run: Annotated[str, typer.Argument(help="the run's id, as `releve runs` lists it")],
    *,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    lang: Annotated[str, typer.Option("--lang", help="en or fr")] = "en",
    report: Annotated[
        Path | None, typer.Option("--report", help="write the report into this directory")
    ] = None,
) -> None:
    """Tell the story of one run, from its journal; write its report where asked to."""
    from releve.cli.by_mode import phases_of
    from releve.cli.terminal import Terminal
    from releve.recovery.report.language import wording_for
    from releve.recovery.report.of_run import read_report
    from releve.recovery.report.write import find_report, write_report
    from releve.wiring import open_state

    wording = wording_for(lang)
    state = open_state()
    recorded = state.journal.read_run(run)
    told = read_report(state.journal, run, phases=phases_of(recorded.input))
    paths = write_report(told, report, lang) if report else find_report(state.directory, run)
    terminal = Terminal()
    if json:
        terminal.json(_to_json(told, paths))
    else:
        _tell(terminal, told, wording=wording, paths=paths)


def _to_json(report: "Report", paths: "ReportPaths | None") -> dict[str, Any]:
    import json
    from dataclasses import asdict

    from releve.recovery.report.as_json import render_json

    document: dict[str, Any] = json.loads(render_json(report))
    document["report"] = (
        {kind: str(path) for kind, path in asdict(paths).items()} if paths else None
    )
    return document


def _tell(
    terminal: "Terminal", report: "Report", *, wording: "Wording", paths: "ReportPaths | None"
) -> None:
    from releve.recovery.report.sentences import list_acts, tell_interruptions, tell_outcome

    terminal.line(tell_outcome(report, wording), style="bold")
    terminal.line(
        f"{wording.say('run')} {report.run.run_id}, {wording.write_moment(report.run.started_at)}"
    )
    if report.verdict:
        terminal.line(f"{wording.say('why_down')}{wording.say('colon')} {report.verdict}")
    print_answer(terminal, report, wording=wording)
    _print_steps(terminal, report, wording=wording)
    if report.timing.interruptions:
        terminal.line(tell_interruptions(report, wording))
    if report.halt:
        terminal.line(
            wording.say("stopped_at", step=wording.name_step(report.halt.step)), style="bold"
        )
        terminal.line(f"  {report.halt.reason}")
        terminal.line(f"  {report.halt.remedy}")
    else:
        terminal.line(f"{wording.say('next_action')}{wording.say('colon')} {report.next_action}")
    for act in list_acts(report, wording):
        terminal.line(f"- {act.text} {act.command}".rstrip())
    if paths:
        terminal.line(f"{wording.say('kicker')}{wording.say('colon')} {paths.html}")


def print_answer(terminal: "Terminal", report: "Report", *, wording: "Wording") -> None:
    """Say whether everything came back, and what the dead disk noted."""
    from releve.recovery.report.sentences import list_disk_facts, tell_recount

    if report.autopsy is None:
        return
    if report.autopsy.recount:
        terminal.line(tell_recount(report.autopsy.recount, wording), style="bold")
    if report.autopsy.disk:
        for key, text in list_disk_facts(report.autopsy.disk, wording):
            if key in {"disk_first_error", "disk_proof"}:
                terminal.line(f"{wording.say(key)}{wording.say('colon')} {text}")
    for item in report.autopsy.not_done:
        step = wording.name_step(item.step)
        terminal.line(f"{step}{wording.say('colon')} {item.reason}")


def _print_steps(terminal: "Terminal", report: "Report", *, wording: "Wording") -> None:
    steps = sorted(
        (step for phase in report.timing.phases for step in phase.steps),
        key=lambda step: step.start_seconds,
    )
    terminal.table(
        (
            wording.say("step"),
            wording.say("began_at"),
            wording.say("took"),
            "",
            wording.say("found"),
        ),
        [
            (
                step.name,
                f"+{wording.write_duration(step.start_seconds)}",
                wording.write_duration(step.seconds),
                wording.say(f"state_{step.state.value}"),
                step.reason,
            )
            for step in steps
        ],
    )
