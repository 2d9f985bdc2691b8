"""releve serve: watch the hosts, run due drills, start recoveries where the plan says so."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(
    *,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="releve.yml; default: here or above, up to .git")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="as always: it prints nothing else")] = False,
) -> None:
    """Watch the hosts and act as the plan says; one JSON object per line, SIGTERM ends it."""
    del json
    from releve.cli.event_log import EventLog
    from releve.cli.leaving import leave_at_once
    from releve.cli.serving import serve_plan
    from releve.plan.loading import find_plan
    from releve.wiring import open_state

    path = (plan or find_plan(Path.cwd())).absolute()
    state = open_state()
    serve_plan(path, state, say=EventLog(state.clock).say)
    leave_at_once(0)
