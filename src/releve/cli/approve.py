"""releve approve: a person's yes to the recovery that an incident waits for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # importing these would slow every `releve --help`
    from collections.abc import Sequence

    from releve.cli.terminal import Terminal
    from releve.model.incident import Approval, Incident, Pause
    from releve.model.run import RunInput
    from releve.wiring import State


def register(app: typer.Typer) -> None:
    app.command("approve")(approve)


def approve(
    incident: Annotated[
        str, typer.Argument(help="the incident's id, as `releve incidents` lists it")
    ],
    *,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="releve.yml; default: here or above, up to .git")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Let the watch recover the host of an incident, once, as the plan is now."""
    import getpass

    from releve.cli.terminal import Terminal
    from releve.plan.loading import find_plan, load_plan
    from releve.recovery.recover import require_fingerprint
    from releve.watch.approving import make_approval, tell_approval
    from releve.watch.pausing import choose_pauses
    from releve.wiring import open_state

    path = plan or find_plan(Path.cwd())
    loaded, state = load_plan(path), open_state()
    found, run = _propose(path, incident, state)
    if not json:
        _show(Terminal(), found, run)
    if not yes:
        typer.confirm(f"Approve this recovery of {run.host}?", abort=True, err=True)
    found, as_it_is_now = _propose(path, incident, state)  # a person takes their time
    require_fingerprint(as_it_is_now, run.fingerprint)
    lasts, now = loaded.plan.watch.approval_lasts, state.clock.now()
    approval = make_approval(found, run, by=getpass.getuser(), now=now, lasts=lasts)
    state.incidents.approve(approval)
    state.incidents.record(tell_approval(approval))
    pauses = choose_pauses(state.incidents.list_pauses(now=now), approval.host)
    _tell(Terminal(), approval, pauses, as_json=json)


def _propose(path: Path, incident_id: str, state: "State") -> "tuple[Incident, RunInput]":
    """The incident, and what a recovery would be now; refused where a yes could start nothing."""
    from releve.cli.driving import choose_image
    from releve.plan.loading import load_plan
    from releve.recovery.recover import propose_run
    from releve.watch.approving import require_approvable

    loaded = load_plan(path)
    found = state.incidents.read(incident_id)
    require_approvable(found, journal=state.journal)
    loaded.host(found.host)
    options = {"image": choose_image(loaded, found.host, state)}
    run = propose_run(loaded, found.host, journal=state.journal, clock=state.clock, options=options)
    return found, run


def _show(terminal: "Terminal", incident: "Incident", run: "RunInput") -> None:
    from releve.cli.driving import show_steps

    verdict = incident.verdict
    terminal.line(f"{incident.host} is {verdict.state.value}: {verdict.reason}", style="bold")
    for testimony in verdict.testimonies:
        terminal.line(f"  {testimony.witness.value}: {testimony.text}")
    terminal.line()
    terminal.line(f"A recovery of {incident.host} would run these steps:", style="bold")
    show_steps(terminal, run)
    terminal.line(f"The approval is bound to {run.fingerprint[:12]}: plan, playbooks, inventory.")


def _tell(
    terminal: "Terminal", approval: "Approval", pauses: "Sequence[Pause]", *, as_json: bool
) -> None:
    from releve.cli.pause import pause_to_json
    from releve.watch.approving import tell_approval
    from releve.watch.pausing import tell_pause

    if as_json:
        terminal.json(
            {
                "incident": approval.incident_id,
                "host": approval.host,
                "fingerprint": approval.fingerprint,
                "by": approval.by,
                "at": approval.at.isoformat(timespec="seconds"),
                "expires": approval.expires.isoformat(timespec="seconds"),
                "pauses": [pause_to_json(pause) for pause in pauses],
            }
        )
        return
    terminal.line(f"{tell_approval(approval).text}; it is used once.")
    for pause in pauses:
        terminal.line(f"It waits as long as {tell_pause(pause)}.", style="bold")
    terminal.line(f"`releve serve` starts the run. Next: releve incidents {approval.incident_id}")
