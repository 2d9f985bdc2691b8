"""releve pause and unpause: keep runs from starting by themselves, for a while."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # importing these would slow every `releve --help`
    from releve.model.incident import Pause

HostArgument = Annotated[str, typer.Argument(help="the host's name in the plan")]
AllOption = Annotated[bool, typer.Option("--all", help="every host")]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON object")]


def register(app: typer.Typer) -> None:
    app.command("pause")(pause)
    app.command("unpause")(unpause)


def pause(
    host: HostArgument = "",
    *,
    every: AllOption = False,
    until: Annotated[
        str, typer.Option("--until", help="last day, as 2026-12-01; a moment; or a time, as 2h")
    ] = "",
    reason: Annotated[str, typer.Option("--reason", help="why, for those who wonder")] = "",
    plan: Annotated[
        Path | None, typer.Option("--plan", help="releve.yml; default: here or above, up to .git")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Let no run start by itself; watching and notices go on, and people may start runs."""
    import getpass

    from releve.cli.terminal import Terminal
    from releve.model.incident import Pause
    from releve.plan.loading import find_plan, load_plan
    from releve.watch.pausing import choose_subject, read_reason, read_until, tell_pause
    from releve.wiring import open_state

    subject = choose_subject(host, every=every)
    if subject:
        load_plan(plan or find_plan(Path.cwd())).host(subject)
    state = open_state()
    now = state.clock.now()
    made = Pause(
        host=subject,
        by=getpass.getuser(),
        reason=read_reason(reason),
        at=now,
        until=read_until(until, now=now),
    )
    state.incidents.pause(made)
    if json:
        Terminal().json(pause_to_json(made))
    else:
        Terminal().line(tell_pause(made))


def unpause(host: HostArgument = "", *, every: AllOption = False, json: JsonOption = False) -> None:
    """End a pause: runs may start by themselves again, where the plan says so."""
    from releve.cli.terminal import Terminal
    from releve.watch.pausing import choose_subject, require_paused, tell_pause
    from releve.wiring import open_state

    subject = choose_subject(host, every=every)
    state = open_state()
    require_paused(subject, state.incidents.list_pauses(now=state.clock.now()))
    state.incidents.end_pause(subject)
    left = state.incidents.list_pauses(now=state.clock.now())
    if json:
        Terminal().json({"host": subject, "paused": [pause_to_json(one) for one in left]})
        return
    Terminal().line(f"{subject or 'every host'} is no longer paused")
    for one in left:
        Terminal().line(f"still: {tell_pause(one)}")


def pause_to_json(pause: "Pause") -> dict[str, Any]:
    """`host` is empty for every host."""
    return {
        "host": pause.host,
        "by": pause.by,
        "reason": pause.reason,
        "at": pause.at.isoformat(timespec="seconds"),
        "until": pause.until.isoformat(timespec="seconds") if pause.until else None,
    }
