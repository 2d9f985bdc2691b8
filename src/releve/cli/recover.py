"""releve recover, resume and cancel: propose a run, drive it, put things back."""

from pathlib import Path
from typing import Annotated

import typer

PlanOption = Annotated[
    Path | None, typer.Option("--plan", help="releve.yml; default: here or above, up to .git")
]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON object per line")]
LanguageOption = Annotated[str, typer.Option("--lang", help="language of the report: en or fr")]


def register(app: typer.Typer) -> None:
    app.command("recover")(recover)
    app.command("resume")(resume)
    app.command("cancel")(cancel)


def recover(  # noqa: PLR0913 - one for each option of the command line
    host: Annotated[str, typer.Argument(help="the host's name in the plan")],
    *,
    plan: PlanOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    even_if_healthy: Annotated[bool, typer.Option(help="replace a host that answers")] = False,
    incident: Annotated[
        str, typer.Option("--incident", help="that it answers; default: the host's open one")
    ] = "",
    run_id: Annotated[str, typer.Option("--run-id", hidden=True)] = "",
    fingerprint: Annotated[str, typer.Option("--fingerprint", hidden=True)] = "",
    json: JsonOption = False,
    lang: LanguageOption = "en",
) -> None:
    """Bring a crashed host back on a new instance."""
    from releve.cli.driving import Manner, choose_image, drive_run, show_proposal
    from releve.plan.loading import find_plan, load_plan
    from releve.recovery.recover import (
        find_recorded,
        make_drills_yield,
        propose_run,
        require_fingerprint,
        require_no_open_run,
    )
    from releve.watch.belonging import name_incident
    from releve.wiring import open_state

    loaded = load_plan(plan or find_plan(Path.cwd()))
    state = open_state()
    if run_id and find_recorded(host, run_id, journal=state.journal):
        resume(run_id, json=json, lang=lang)
        return
    require_no_open_run(host, journal=state.journal)
    options = {
        "even_if_healthy": even_if_healthy,
        "image": choose_image(loaded, host, state),
        **name_incident(host, incident, store=state.incidents),
    }
    run = propose_run(
        loaded, host, journal=state.journal, clock=state.clock, options=options, run_id=run_id
    )
    require_fingerprint(run, fingerprint or run.fingerprint)
    if not json:
        show_proposal(run)
    if not yes:
        typer.confirm(f"Recover {host} now?", abort=True, err=True)
    make_drills_yield(host, journal=state.journal)
    drive_run(run, state, Manner(json, lang))


def resume(
    run: Annotated[str, typer.Argument(help="the run's id, as `releve runs` lists it")],
    *,
    json: JsonOption = False,
    lang: LanguageOption = "en",
) -> None:
    """Go on with a run that was interrupted or needed a person."""
    from releve.cli.driving import Manner, drive_run, undo_run
    from releve.cli.rehearsing import drive_and_tell
    from releve.model.run import Mode
    from releve.recovery.recover import require_not_over
    from releve.wiring import open_state

    state = open_state()
    record = state.journal.read_run(run)
    require_not_over(record, verb="resume")
    if record.cancel_requested:  # it can only go on towards where it came from
        undo_run(record, state, Manner(json, lang))
    elif record.input.mode is Mode.DRILL:
        drive_and_tell(record.input, state, Manner(json, lang))
    else:
        drive_run(record.input, state, Manner(json, lang))


def cancel(
    run: Annotated[str, typer.Argument(help="the run's id, as `releve runs` lists it")],
    *,
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", help="close it and touch nothing: you put things right")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="with --as-it-is: do not ask")] = False,
    json: JsonOption = False,
    lang: LanguageOption = "en",
) -> None:
    """Stop a run at a safe point and put volumes and address back where they were."""
    from releve.cli.driving import Manner, leave_run, undo_run
    from releve.recovery.recover import require_not_over
    from releve.wiring import open_state

    state = open_state()
    record = state.journal.read_run(run)
    require_not_over(record, verb="cancel")
    if as_it_is:
        leave_run(record, state, Manner(json, lang), asking=not yes)
        return
    state.journal.request_cancel(run)
    undo_run(record, state, Manner(json, lang))
