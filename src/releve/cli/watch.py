"""releve watch: look at the hosts in sight of a person; keeps nothing and starts nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # importing it would slow every `releve --help`
    from collections.abc import Sequence

    from releve.model.verdict import HostState
    from releve.plan.loading import LoadedPlan

EXIT_DEGRADED = 3
EXIT_DEAD = 4  # or not known


def register(app: typer.Typer) -> None:
    app.command("watch")(watch)


def watch(
    hosts: Annotated[
        list[str] | None, typer.Argument(help="names of the plan; default: all that are watched")
    ] = None,
    *,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="releve.yml; default: here or above, up to .git")
    ] = None,
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="until each has a verdict: exit 0, 3 degraded, 4 dead, unknown"
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object per event")] = False,
) -> None:
    """Look at the hosts until Ctrl-C; `releve serve` keeps incidents, tells people and acts."""
    from releve.cli.leaving import leave_at_once
    from releve.cli.watching import look_at_hosts
    from releve.plan.loading import find_plan, load_plan
    from releve.wiring import open_state

    loaded = choose_hosts(load_plan(plan or find_plan(Path.cwd())), hosts or [])
    seen = look_at_hosts(loaded, open_state(), once=once, as_json=json)
    leave_at_once(choose_exit_code([one.verdict.state for one in seen]) if once else 0)


def choose_hosts(loaded: "LoadedPlan", names: list[str]) -> "LoadedPlan":
    """The plan with these hosts alone; PlanError where one is unknown or not to be watched."""
    from dataclasses import replace

    from releve.errors import PlanError

    chosen = {name: loaded.host(name) for name in names or loaded.plan.hosts}
    unwatched = [name for name, host in chosen.items() if not host.watch.enabled]
    if unwatched and (names or len(unwatched) == len(chosen)):
        raise PlanError(
            f"{unwatched[0]} is not watched",
            why="the plan says watch: {enabled: false}",
            remedy="take that line out, or name another host",
            location=loaded.location_of(("hosts", unwatched[0], "watch")),
        )
    return replace(loaded, plan=loaded.plan.model_copy(update={"hosts": chosen}))


def choose_exit_code(states: "Sequence[HostState]") -> int:
    from releve.model.verdict import HostState

    if all(state is HostState.HEALTHY for state in states):
        return 0
    serving = {HostState.HEALTHY, HostState.DEGRADED}
    return EXIT_DEGRADED if serving.issuperset(states) else EXIT_DEAD
