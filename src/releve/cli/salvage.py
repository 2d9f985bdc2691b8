"""releve salvage: fetch chosen files from the dead disk of a recovery that is over."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from releve.cli.autopsy import EXIT_NOT_ALL_DONE
from releve.cli.recover import JsonOption, LanguageOption

if TYPE_CHECKING:
    from releve.cli.terminal import Terminal
    from releve.recovery.report.types import Report

GOOD_STATES = {"same", "written", "replaced", "absent"}


def register(app: typer.Typer) -> None:
    app.command("salvage")(salvage)


def salvage(  # noqa: PLR0913 - each is a word of the command line
    run: Annotated[str, typer.Argument(help="the recovery's id, as `releve runs` lists it")],
    paths: Annotated[
        list[str] | None, typer.Argument(help="files and directories of the dead host")
    ] = None,
    *,
    to: Annotated[
        str, typer.Option("--to", help="directory of the new host; each path goes below it whole")
    ] = "/",
    only_list: Annotated[
        bool, typer.Option("--list", help="copy nothing; without paths: what the autopsy proposes")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="replace files that differ, each kept beside")
    ] = False,
    identity: Annotated[
        bool, typer.Option("--identity", help="host keys and machine-id too")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    json: JsonOption = False,
    lang: LanguageOption = "en",
) -> None:
    """Copy chosen files from the dead disk to the new host; nothing there is overwritten."""
    from releve.cli.driving import Manner, drive_run, show_proposal
    from releve.cli.terminal import Terminal
    from releve.recovery.autopsy.salvaged import Choice
    from releve.recovery.look_back import propose_salvage
    from releve.recovery.recover import require_no_open_run
    from releve.recovery.report.of_run import read_report
    from releve.wiring import open_state

    state, terminal = open_state(), Terminal()
    recovery = state.journal.read_run(run)
    if only_list and not paths:
        propose_paths(terminal, read_report(state.journal, run), as_json=json)
        return
    require_no_open_run(recovery.input.host, journal=state.journal)
    choice = Choice(tuple(paths or ()), to, only_list, replace, identity)
    proposed = propose_salvage(recovery, choice, journal=state.journal, clock=state.clock)
    if not json:
        show_proposal(proposed)
    if not yes:
        typer.confirm(f"Do so on {recovery.input.host} now?", abort=True, err=True)
    drive_run(proposed, state, Manner(json, lang))
    told = read_told(state.journal.read_events(proposed.run_id))
    show_files(terminal, told, as_json=json)
    if not told or any(file["state"] not in GOOD_STATES for file in told.get("files", ())):
        raise typer.Exit(EXIT_NOT_ALL_DONE)


def read_told(events: Any) -> dict[str, Any]:
    """What the copying step recorded; empty where it could not be done."""
    from releve.model.run import EventKind

    for event in reversed(events):
        if event.step == "salvage_files" and event.kind is EventKind.DONE:
            output: dict[str, Any] = event.data["output"]
            return output if "files" in output else {}
    return {}


def show_files(terminal: "Terminal", told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        terminal.json({"salvage": told})
        return
    terminal.table(
        ("file", "size", "became", "sha256", ""),
        [
            (
                file["path"],
                str(file["size"]),
                file["state"].replace("_", " "),
                file["sha256"],
                "; ".join(text for text in (file["why"], *_notes(file)) if text),
            )
            for file in told.get("files", ())
        ],
    )


def _notes(file: dict[str, Any]) -> list[str]:
    backup = [f"the former one is {file['backup']}"] if file["backup"] else []
    return [*backup, *file["notes"]]


def propose_paths(terminal: "Terminal", report: "Report", *, as_json: bool) -> None:
    """What the autopsy found that is a file, or data on no volume."""
    recount = report.autopsy.recount if report.autopsy else None
    lost = [
        item
        for item in (recount.findings if recount else ())
        if item.status in {"extra", "modified"} and item.cause == "file"
    ]
    if as_json:
        terminal.json({"paths": [{"path": item.subject, "title": item.title} for item in lost]})
    elif not lost:
        terminal.line(f"No file is known to be missing. Next: releve autopsy {report.run.run_id}")
    else:
        terminal.table(("path", "what it is"), [(item.subject, item.title) for item in lost])
        terminal.line(f"Next: releve salvage {report.run.run_id} PATH")
