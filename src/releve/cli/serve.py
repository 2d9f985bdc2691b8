"""releve serve: run the drills that the plan schedules, in the foreground, until it is stopped."""

from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(
    *,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="releve.yml; default: here or above, up to .git")
    ] = None,
) -> None:
    """Run scheduled drills, one at a time; one JSON object per line, SIGTERM ends it."""
    import signal
    import threading

    from releve.cli.drill_process import DrillProcess
    from releve.cli.terminal import Terminal
    from releve.drill.serving import Server
    from releve.plan.loading import find_plan, load_plan
    from releve.wiring import open_state

    path = (plan or find_plan(Path.cwd())).absolute()
    load_plan(path)  # a mistake is told at once, not when the first drill is due
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    state, terminal = open_state(), Terminal()

    def say(event: str, fields: dict[str, Any]) -> None:
        at = state.clock.now().isoformat(timespec="seconds")
        terminal.json({"event": event, "at": at, **fields})

    server = Server(
        path,
        journal=state.journal,
        clock=state.clock,
        start=lambda host: DrillProcess(path, host),
        say=say,
    )
    server.serve(stopping.is_set)
