"""releve ledger: every fact of a host, and what explains it; reads what is stored."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from releve.model.finding import FindingState

if TYPE_CHECKING:  # importing these would slow every `releve --help`
    from releve.cli.terminal import Terminal
    from releve.model.finding import Ledger
    from releve.plan.loading import LoadedPlan
    from releve.recovery.ledger.walking import Place
    from releve.recovery.report.language import Wording
    from releve.wiring import State

MOST_CHILDREN = 40
MOST_REASONS = 10
MOST_SPOTS = 50
MOST_MASKED = 500


def register(app: typer.Typer) -> None:
    app.command("ledger")(ledger)


def ledger(  # noqa: PLR0913 - one for each option of the command line
    host: Annotated[str, typer.Argument(help="the host's name in the plan")],
    *,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="releve.yml; default: here or above, up to .git")
    ] = None,
    at: Annotated[str, typer.Option("--at", help="a directory, or a kind of fact")] = "",
    masked: Annotated[bool, typer.Option("--masked", help="list what is hidden as noise")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="write the page here")] = None,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    lang: Annotated[str, typer.Option("--lang", help="en or fr")] = "en",
) -> None:
    """Hold the newest scan against the newest twin, and account for every fact."""
    from releve.cli.terminal import Terminal
    from releve.plan.loading import find_plan, load_plan
    from releve.recovery.fingerprint import commit_of
    from releve.recovery.ledger.as_json import ledger_to_json
    from releve.recovery.ledger.of_host import Sources, TwinChoice, account_for, volumes_of
    from releve.recovery.ledger.summary import ledger_wording
    from releve.recovery.ledger.walking import find_place
    from releve.wiring import open_state

    wording = ledger_wording(lang)
    loaded = load_plan(plan or find_plan(Path.cwd()))
    state = open_state()
    sources = Sources(state.observed, state.findings, state.journal)
    now = state.clock.now().isoformat(timespec="seconds")
    made = account_for(
        host,
        sources,
        volumes=volumes_of(loaded.host(host)),
        at=now,
        twin=TwinChoice(commit=commit_of(loaded.repository)),
    )
    kept = _keep_contents(made, loaded, state)
    place = find_place(made, at)
    if html:
        _write_page(made, html, lang)
    terminal = Terminal()
    if json:
        terminal.json(ledger_to_json(made, place, with_masked=masked))
    elif masked:
        _list_masked(terminal, made)
    else:
        _tell(terminal, made, place, wording=wording)
        terminal.line(kept)
        terminal.line(f"page  {html}" if html else f"Next: releve ledger {host} --at /etc")


def _keep_contents(made: "Ledger", loaded: "LoadedPlan", state: "State") -> str:
    """What codify will need of the host, kept while it answers; the sentence that says so."""
    from releve.errors import JournalError, ReleveError
    from releve.recovery.contents import keep_contents, list_missing
    from releve.recovery.scan_of_host import read_live_contents
    from releve.wiring import connect

    findings = [one.finding for one in made.findings if one.state is FindingState.OPEN]
    host, store = made.host, state.observed
    missing = list_missing(findings, host=host, store=store)
    if not missing:
        return "every file that codify may need is kept"
    try:
        outside = connect(loaded.plan.provider, state=state)
        plan = loaded.host(host)
        kept = keep_contents(
            missing,
            host=host,
            store=store,
            read=lambda paths: read_live_contents(host, plan, outside, paths=paths),
        )
    except JournalError:
        raise
    except ReleveError as error:
        return f"{len(missing)} file(s) that codify may need are not kept: {error.what}"
    left = len(missing) - kept
    return f"{kept} file(s) kept for codify" + (f", {left} could not be" if left else "")


def _write_page(made: "Ledger", path: Path, language: str) -> None:
    from releve.errors import ReleveError
    from releve.recovery.ledger.as_html import render_html
    from releve.recovery.report.write import replace_file

    try:
        replace_file(path.absolute(), render_html(made, language))
    except OSError as error:
        raise ReleveError(
            f"the page cannot be written to {path}",
            why=error.strerror or str(error),
            remedy="Name a file in a directory that is there and can be written",
        ) from error


def _tell(terminal: "Terminal", made: "Ledger", place: "Place", *, wording: "Wording") -> None:
    from releve.recovery.ledger.summary import tell_account

    spots = 0 if place.steps else len(made.blind_spots)
    if place.steps:
        terminal.line(place.path, style="bold")
    if place.left:
        terminal.line(f"{'/'.join(place.left)} is counted with it")
    terminal.line(tell_account(place.node, wording, blind_spots=spots), style="bold")
    if not place.steps:
        terminal.line(f"host read {made.live_at}, twin {made.twin_at}")
    _list_findings(terminal, made, place, wording=wording)
    if place.steps:
        _list_children(terminal, place, wording)
    else:
        _list_spots(terminal, made, wording)


def _list_findings(
    terminal: "Terminal", made: "Ledger", place: "Place", *, wording: "Wording"
) -> None:
    """Those of the place, data at risk first."""
    from dataclasses import replace

    from releve.recovery.ledger.summary import count_facts, open_by_tier
    from releve.recovery.ledger.walking import findings_at

    here = replace(made, findings=tuple(findings_at(made, place)) if place.steps else made.findings)
    for tier, group in open_by_tier(here):
        terminal.line(wording.say(f"tier_{tier.value}"), style="bold")
        for one in group:
            count = count_facts(one)
            more = f"  ({wording.say('facts_in', count=count)})" if count > 1 else ""
            terminal.line(f"  {one.finding.fingerprint}  {one.finding.title}{more}")


def _list_children(terminal: "Terminal", place: "Place", wording: "Wording") -> None:
    from releve.model.finding import Explanation
    from releve.recovery.ledger.summary import list_reasons, tell_account
    from releve.recovery.ledger.walking import prune

    children = prune(place.node, width=MOST_CHILDREN, depth=1).children
    if children:
        terminal.table(
            (wording.say("place"), wording.say("facts"), wording.say("name_unexplained"), ""),
            [
                (
                    child.name,
                    wording.write_number(sum(child.counts.values())),
                    wording.write_number(child.counts.get(Explanation.UNEXPLAINED, 0)),
                    tell_account(child, wording),
                )
                for child in children
            ],
        )
    reasons = list_reasons(place.node, limit=MOST_REASONS)
    if reasons:
        terminal.line(wording.say("explained_by"), style="bold")
    for reason, count in reasons:
        terminal.line(f"  {wording.write_number(count):>9}  {reason}")


def _list_spots(terminal: "Terminal", made: "Ledger", wording: "Wording") -> None:
    if made.blind_spots:
        terminal.line(wording.say("blind"), style="bold")
    for spot in made.blind_spots[:MOST_SPOTS]:
        terminal.line(f"  {spot.key}: {spot.attributes.get('why', '')}")
    left = len(made.blind_spots) - MOST_SPOTS
    if left > 0:
        terminal.line(f"  {wording.say('more_rows', count=left)}")


def _list_masked(terminal: "Terminal", made: "Ledger") -> None:
    terminal.table(
        ("kind", "what", "differs in"),
        [
            (item.kind.value, item.key, ", ".join(item.attributes) or item.status.value)
            for item in made.masked[:MOST_MASKED]
        ],
    )
    left = len(made.masked) - MOST_MASKED
    terminal.line(f"and {left} more; --json tells them all" if left > 0 else "That is all.")
