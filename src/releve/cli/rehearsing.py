"""What drill and serve share: begin a drill, clean up after those that were broken off."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from releve.cli.driving import Manner, drive_drill, show_proposal, undo_run
from releve.cli.terminal import Terminal
from releve.drill.lasting import read_last_verdict, verdict_of
from releve.drill.rehearse import (
    Choices,
    Leftover,
    choose_twins,
    list_interrupted,
    list_leftovers,
    propose_drill,
    require_no_driven_drill,
)
from releve.drill.verdict import Readiness, Verdict
from releve.errors import PlanError
from releve.plan.problems import show_word

if TYPE_CHECKING:  # the adapters are imported when a drill is driven, not before
    from releve.model.run import RunInput, RunRecord
    from releve.plan.loading import LoadedPlan
    from releve.wiring import State

EXIT_NOT_READY = 4


@dataclass(frozen=True)
class Ground:
    """Where a drill is begun from."""

    loaded: "LoadedPlan"
    state: "State"
    manner: Manner


def choose_host(loaded: "LoadedPlan", host: str) -> str:
    """The one named, or the only one of the plan."""
    if host:
        loaded.host(host)
        return host
    if len(loaded.plan.hosts) == 1:
        return next(iter(loaded.plan.hosts))
    raise PlanError(
        "which host shall be drilled is not said",
        why=f"the plan has {', '.join(show_word(name) for name in list(loaded.plan.hosts)[:20])}",
        remedy="name one of them: releve drill HOST",
    )


def rehearse(ground: Ground, host: str, choices: Choices, *, ask: bool) -> None:
    """Propose, ask, drive, and tell; leaves by an exit code where the host is not ready."""
    clean_up(ground, host=host)
    run = propose(ground, host, choices)
    if not ground.manner.json:
        show_proposal(run)
    if ask:
        typer.confirm(f"Drill {host} now?", abort=True, err=True)
    drive_and_tell(run, ground.state, ground.manner)


def drive_and_tell(run: "RunInput", state: "State", manner: Manner) -> None:
    """To the end of the drill, of a new one or of one that was interrupted."""
    drive_drill(run, state, manner)
    verdict = verdict_of(state.journal.read_events(run.run_id))
    tell(verdict, manner, host=run.host, run_id=run.run_id)
    if verdict is None or verdict.readiness is not Readiness.READY:
        raise typer.Exit(EXIT_NOT_READY)


def propose(ground: Ground, host: str, choices: Choices) -> "RunInput":
    from releve.wiring import connect_provider, rehearse_in_lab

    loaded, state = ground.loaded, ground.state
    if choices.lab:
        loaded = rehearse_in_lab(loaded, host, lab=choices.lab)
    provider = connect_provider(loaded.plan.provider)
    try:
        twins = choose_twins(
            loaded.host(host),
            host,
            asked=choices.twins,
            provider=provider,
            findings=state.findings,
        )
    finally:
        provider.close()
    return propose_drill(
        loaded, host, journal=state.journal, clock=state.clock, choices=choices, twins=twins
    )


def clean_up(ground: Ground, *, host: str) -> list["RunRecord"]:
    """Undo the drills of this host that were broken off; RunHeld while one is under way."""
    state = ground.state
    require_no_driven_drill(host, journal=state.journal, lease=state.lease)
    broken_off = list(list_interrupted(state.journal, state.lease, host=host))
    for record in broken_off:
        state.journal.request_cancel(record.input.run_id)
        if not ground.manner.json:
            Terminal().line(f"drill {record.input.run_id} of {host} was broken off; cleaning up")
        undo_run(record, state, ground.manner)
    return broken_off


def sweep(ground: Ground, *, host: str) -> None:
    """Undo broken-off drills, then tell what no drill of this journal can remove."""
    hosts = [host] if host else list(ground.loaded.plan.hosts)
    cleaned = [record for name in hosts for record in clean_up(ground, host=name)]
    rest = find_leftovers(ground)
    if ground.manner.json:
        Terminal().json(
            {
                "undone": [record.input.run_id for record in cleaned],
                "left": [describe_leftover(left) for left in rest],
            }
        )
        return
    terminal = Terminal()
    terminal.line(f"{len(cleaned)} broken-off drill(s) cleaned up")
    for left in rest:
        whose = "which is over" if left.known else "which is not in this journal"
        terminal.line(f"{left.kind} {left.name} is of drill {left.run_id}, {whose}")
    if rest:
        terminal.line("Delete these at the provider once no other controller drives their drill")


def find_leftovers(ground: Ground) -> list[Leftover]:
    from releve.wiring import connect_provider

    provider = connect_provider(ground.loaded.plan.provider)
    try:
        return list(list_leftovers(provider, ground.state.journal))
    finally:
        provider.close()


def describe_leftover(left: Leftover) -> dict[str, Any]:
    return {"kind": left.kind, "id": left.id, "name": left.name, "run": left.run_id}


def show_last(ground: Ground, host: str) -> None:
    """What the newest drill said, held against the plan and the day as they are now."""
    found = read_last_verdict(
        ground.loaded, host, journal=ground.state.journal, clock=ground.state.clock
    )
    if found is None:
        if ground.manner.json:
            Terminal().json({"host": host, "readiness": Readiness.UNKNOWN.value, "run_id": ""})
        else:
            Terminal().line(f"{host} was never drilled. Next: releve drill {host}")
        raise typer.Exit(EXIT_NOT_READY)
    tell(found.verdict, ground.manner, host=host, run_id=found.run_id)
    if found.verdict.readiness is not Readiness.READY:
        raise typer.Exit(EXIT_NOT_READY)


def tell(verdict: Verdict | None, manner: Manner, *, host: str, run_id: str) -> None:
    if verdict is None:
        verdict = Verdict(Readiness.UNKNOWN, ("the drill said nothing",))
    if manner.json:
        Terminal().json({"host": host, "run_id": run_id, **verdict.as_output()})
        return
    terminal = Terminal()
    style = {"ready": "bold green", "not ready": "bold red"}.get(verdict.readiness.value, "bold")
    terminal.line(f"{host} is {_say_readiness(verdict.readiness)} (drill {run_id})", style=style)
    for reason in verdict.reasons:
        terminal.line(f"  {reason}")
    for note in verdict.notes:
        terminal.line(f"  note: {note}")


def _say_readiness(readiness: Readiness) -> str:
    if readiness is Readiness.UNKNOWN:
        return "not known to be ready"
    return readiness.value if readiness is Readiness.READY else "not ready to be recovered"
