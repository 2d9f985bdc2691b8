"""releve check: is the plan right, and what would a recovery do? Touches nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # importing these would slow every `releve --help`
    from releve.plan.loading import LoadedPlan
    from releve.ports.outside import Outside
    from releve.recovery.recover import StepLine
    from releve.watch.describing import WatchAccount
    from releve.wiring import State


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

    require_channels(loaded)
    state = open_state()
    outside = connect(loaded.plan.provider, state=state)
    steps = list_steps(loaded, chosen, outside)
    account = describe(loaded, chosen, state)
    notes = outside.provider.capabilities.notes
    if json:
        show_json(loaded, steps, notes, watch=account)
    else:
        show_steps(loaded, steps, notes, watch=account)


def require_channels(loaded: "LoadedPlan") -> None:
    """PlanError where a secret of watching cannot be read here, or is none; sends nothing."""
    import os

    from releve.plan.problems import Problem, to_plan_error
    from releve.plan.watch_secrets import require_watch_secrets

    require_watch_secrets(loaded, os.environ)
    if not loaded.plan.watch.notify:
        return
    from releve.wiring import try_channels

    problems = [
        Problem(
            f"the channel {tried.channel} cannot be used",
            tried.failure,
            "write its URL as docs/how-to/monitoring.md shows it",
            ("watch", "notify", index),
        )
        for index, tried in enumerate(try_channels(loaded.plan.watch))
        if tried.failure
    ]
    if problems:
        raise to_plan_error(problems, shown_path=str(loaded.path), lines=loaded.lines)


def describe(loaded: "LoadedPlan", hosts: list[str], state: "State") -> "WatchAccount":
    from releve.watch.describing import describe_watch

    pauses = state.incidents.list_pauses(now=state.clock.now())
    return describe_watch(loaded.plan, hosts, pauses)


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
    loaded: "LoadedPlan",
    steps: dict[str, tuple["StepLine", ...]],
    notes: tuple[str, ...] = (),
    *,
    watch: "WatchAccount | None" = None,
) -> None:
    from dataclasses import asdict

    from releve.cli.terminal import Terminal

    Terminal().json(
        {
            "plan": str(loaded.path),
            "sha256": loaded.sha256,
            "notes": list(notes),
            "hosts": {host: [asdict(line) for line in lines] for host, lines in steps.items()},
            "watch": asdict(watch) if watch else None,
        }
    )


def show_steps(
    loaded: "LoadedPlan",
    steps: dict[str, tuple["StepLine", ...]],
    notes: tuple[str, ...] = (),
    *,
    watch: "WatchAccount | None" = None,
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
    if watch:
        for account in watch.hosts:
            terminal.line(f"{account.text}.")
        for note in watch.notes:
            terminal.line(f"Of watching: {note}.")
    terminal.line(f"{loaded.path} is right, and nothing was touched.")
    terminal.line(f"Next: releve recover {next(iter(steps))}")
