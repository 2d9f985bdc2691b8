"""releve autopsy: read the dead disk of a recovery that is over, once more."""

from typing import Annotated

import typer

from releve.cli.recover import JsonOption, LanguageOption

EXIT_NOT_ALL_DONE = 1


def register(app: typer.Typer) -> None:
    app.command("autopsy")(autopsy)


def autopsy(
    run: Annotated[str, typer.Argument(help="the recovery's id, as `releve runs` lists it")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    json: JsonOption = False,
    lang: LanguageOption = "en",
) -> None:
    """Read the dead disk again: what happened to it, what came back, what did not."""
    from releve.cli.driving import Manner, drive_run, show_proposal
    from releve.recovery.look_back import propose_autopsy
    from releve.recovery.recover import require_no_open_run
    from releve.recovery.report.of_run import read_report
    from releve.wiring import open_state

    state = open_state()
    recovery = state.journal.read_run(run)
    require_no_open_run(recovery.input.host, journal=state.journal)
    proposed = propose_autopsy(recovery, journal=state.journal, clock=state.clock)
    if not json:
        show_proposal(proposed)
    if not yes:
        typer.confirm("Read its dead disk now?", abort=True, err=True)
    drive_run(proposed, state, Manner(json, lang))
    report = read_report(state.journal, proposed.run_id)
    if report.autopsy is None or report.autopsy.not_done:
        raise typer.Exit(EXIT_NOT_ALL_DONE)
