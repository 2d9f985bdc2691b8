"""releve check: is the plan right, and what would a recovery do? Touches nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # importing these would slow every `releve --help`
    from releve.plan.loading import LoadedPlan
    from releve.ports.outside import Outside
    from releve.recovery.recover import StepLine


def register(app: typer.Typer) -> None:
    app.command("check")(check)


def check(
    hosts: Annotated[
        list[str] | None, typer.Argument(help="default: every host of the plan")
    ] = None,
    *,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="releve.yml; default: here or above, up to .git")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Check the plan against the files and the provider, and show the steps of a recovery."""
    from releve.plan.loading import find_plan, load_plan

    loaded = load_plan(plan or find_plan(Path.cwd()))
    chosen = list(dict.fromkeys(hosts or loaded.plan.hosts))
    for host in chosen:
        loaded.host(host)

    from releve.wiring import connect, open_state  # now: a wrong plan is told at once

    outside = connect(loaded.plan.provider, state=open_state())
    steps = list_steps(loaded, chosen, outside)
    notes = outside.provider.capabilities.notes
    show_json(loaded, steps, notes) if json else show_steps(loaded, steps, notes)


def list_steps(
    loaded: "LoadedPlan", hosts: list[str], outside: "Outside"
) -> dict[str, tuple["StepLine", ...]]:
    """Host to the steps of its recovery; PlanError where one could not succeed now."""
    from releve.recovery.preconditions import require_preconditions
    from releve.recovery.recover import catalogue_of, describe_run, propose_run

    require_preconditions(loaded, hosts, outside)
    journal, clock = outside.journal, outside.clock
    runs = [propose_run(loaded, host, journal=journal, clock=clock, options={}) for host in hosts]
    return {run.host: describe_run(run, catalogue_of(run)) for run in runs}


def show_json(
    loaded: "LoadedPlan", steps: dict[str, tuple["StepLine", ...]], notes: tuple[str, ...] = ()
) -> None:
    from dataclasses import asdict

    from releve.cli.terminal import Terminal

    Terminal().json(
        {
            "plan": str(loaded.path),
            "sha256": loaded.sha256,
            "notes": list(notes),
            "hosts": {host: [asdict(line) for line in lines] for host, lines in steps.items()},
        }
    )


def show_steps(
    loaded: "LoadedPlan", steps: dict[str, tuple["StepLine", ...]], notes: tuple[str, ...] = ()
) -> None:
    from releve.cli.terminal import Terminal

    terminal = Terminal()
    for host, lines in steps.items():
        terminal.line(f"A recovery of {host} would run these steps:", style="bold")
        terminal.table(
            ("step", "phase", "what it does", "after"),
            [(line.name, line.phase, line.sentence, ", ".join(line.needs)) for line in lines],
        )
        terminal.line()
    for note in notes:
        terminal.line(f"Of this provider: {note}.")
    terminal.line(f"{loaded.path} is right, and nothing was touched.")
    terminal.line(f"Next: releve recover {next(iter(steps))}")
