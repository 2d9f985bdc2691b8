"""releve findings and accept: what differs on a host, and what was decided about it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from releve.model.finding import FindingState

if TYPE_CHECKING:  # importing these would slow every `releve --help`
    from collections.abc import Iterable, Sequence

    from releve.cli.terminal import Terminal
    from releve.model.finding import Decision, Deviation, TrackedFinding
    from releve.model.observed import Fact
    from releve.wiring import State

MOST_SHOWN = 200  # deviations of one finding; --json tells all that are kept
ALL = "all"
ABSENT = "not there"

HostArgument = Annotated[str, typer.Argument(help="the host's name in the plan")]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON object")]


def register(app: typer.Typer) -> None:
    app.command("findings")(findings)
    app.command("accept")(accept)


def findings(
    host: HostArgument,
    fingerprint: Annotated[
        str, typer.Argument(help="show this one whole; its beginning will do")
    ] = "",
    *,
    state: Annotated[
        str, typer.Option("--state", help="open, accepted, codified, gone or all")
    ] = FindingState.OPEN,
    json: JsonOption = False,
) -> None:
    """List what differs on a host and is in no playbook, or show one finding whole."""
    from releve.cli.terminal import Terminal
    from releve.recovery.ledger.deciding import choose_finding
    from releve.wiring import open_state

    wanted = _read_state(state)
    opened = open_state()
    tracked = opened.findings.list_findings(host, at=_now(opened))
    if fingerprint:
        one = choose_finding(tracked, fingerprint, host=host)
        history = opened.findings.read_decisions(host, one.finding.fingerprint)
        _show_one(Terminal(), one, history, as_json=json)
    else:
        shown = [one for one in tracked if wanted in (None, one.state)]
        _show_list(Terminal(), host, shown, of=tracked, as_json=json)


def accept(
    host: HostArgument,
    fingerprints: Annotated[list[str], typer.Argument(help="as `releve findings` lists them")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="why it is right as it is")],
    until: Annotated[str, typer.Option("--until", help="last day, as 2027-01-31")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="make it open again")] = False,
    json: JsonOption = False,
) -> None:
    """Say of findings that they are right as they are, why, and until when."""
    import getpass

    from releve.cli.terminal import Terminal
    from releve.recovery.ledger.deciding import Word, decide
    from releve.wiring import open_state

    opened = open_state()
    state = FindingState.OPEN if withdraw else FindingState.ACCEPTED
    word = Word(state, getpass.getuser(), reason, at=_now(opened), until=until)
    decided = decide(opened.findings, host, fingerprints, word=word)
    terminal = Terminal()
    if json:
        terminal.json({"host": host, "findings": [_to_json(one) for one in decided]})
        return
    for one in decided:
        terminal.line(f"{one.finding.fingerprint}  {one.state.value}  {one.finding.title}")


def _read_state(text: str) -> FindingState | None:
    from releve.errors import PlanError
    from releve.plan.problems import show_word, suggest

    names = [*FindingState, ALL]
    if text not in names:
        raise PlanError(
            f"{show_word(text)} is no state of a finding",
            why=f"the states are {', '.join(names)}",
            remedy=suggest(text, names, otherwise="leave --state out"),
        )
    return None if text == ALL else FindingState(text)


def _now(state: "State") -> str:
    return state.clock.now().isoformat(timespec="seconds")


def _show_list(
    terminal: "Terminal",
    host: str,
    shown: "Sequence[TrackedFinding]",
    *,
    of: "Sequence[TrackedFinding]",
    as_json: bool,
) -> None:
    from itertools import groupby

    if as_json:
        terminal.json({"host": host, "findings": [_to_json(one) for one in shown]})
        return
    for tier, group in groupby(shown, key=lambda one: one.finding.tier):
        terminal.line(tier.value.replace("_", " "), style="bold")
        for one in group:
            state = "" if one.state is FindingState.OPEN else f"  ({_tell_state(one)})"
            terminal.line(f"  {one.finding.fingerprint}  {one.finding.title}{state}")
    terminal.line(_tell_count(of) if of else f"{host} has no finding. Next: releve ledger {host}")


def _tell_count(tracked: "Sequence[TrackedFinding]") -> str:
    from collections import Counter

    counts = Counter(one.state for one in tracked)
    return ", ".join(f"{counts[state]} {state.value}" for state in FindingState if counts[state])


def _tell_state(one: "TrackedFinding") -> str:
    if one.state is FindingState.ACCEPTED and one.decision and one.decision.until:
        return f"accepted until {one.decision.until}"
    return one.state.value


def _show_one(
    terminal: "Terminal",
    one: "TrackedFinding",
    history: "Sequence[Decision]",
    *,
    as_json: bool,
) -> None:
    finding = one.finding
    if as_json:
        told = [_decision_to_json(decision) for decision in history]
        terminal.json({**_to_json(one, whole=True), "history": told})
        return
    terminal.line(finding.title, style="bold")
    terminal.line(f"{finding.tier.value.replace('_', ' ')}, {_tell_state(one)}")
    terminal.line(f"first seen {one.first_seen}, last seen {one.last_seen}")
    rows = [row for item in finding.deviations[:MOST_SHOWN] for row in _rows_of(item)]
    terminal.table(("what", "", "on the host", "from the playbooks"), rows)
    left = finding.folded + max(0, len(finding.deviations) - MOST_SHOWN)
    if left:
        terminal.line(f"and {left} more that have the same cause")
    for decision in history:
        until = f" until {decision.until}" if decision.until else ""
        said = f"{decision.at}  {decision.who} said {decision.state.value}{until}"
        terminal.line(f"{said}: {decision.reason}")
    if one.state is FindingState.OPEN:
        accept_it = f"releve accept {finding.host} {finding.fingerprint} --reason …"
        terminal.line(f"Next: releve codify {finding.host} {finding.fingerprint}, or {accept_it}")


def _rows_of(deviation: "Deviation") -> "Iterable[tuple[str, str, str, str]]":
    """One line for the fact, then one for each attribute that differs."""
    name = f"{deviation.kind.value.replace('_', ' ')} {deviation.key}"
    if deviation.ours is None or deviation.theirs is None:
        ours, theirs = _tell_fact(deviation.ours), _tell_fact(deviation.theirs)
        yield name, deviation.status.value, ours, theirs
        return
    for attribute in deviation.attributes or ("",):
        ours = deviation.ours.attributes.get(attribute, ABSENT)
        theirs = deviation.theirs.attributes.get(attribute, ABSENT)
        yield name, attribute or deviation.status.value, ours, theirs
        name = ""


def _tell_fact(fact: "Fact | None") -> str:
    if fact is None:
        return ABSENT
    parts = (f"{name} {value}" for name, value in fact.attributes.items())
    return ", ".join(parts) or "there"


def _to_json(one: "TrackedFinding", *, whole: bool = False) -> dict[str, Any]:
    from dataclasses import asdict

    finding = one.finding
    return {
        "fingerprint": finding.fingerprint,
        "tier": finding.tier.value,
        "title": finding.title,
        "cause": finding.cause.value,
        "subject": finding.subject,
        "status": finding.status.value,
        "state": one.state.value,
        "first_seen": one.first_seen,
        "last_seen": one.last_seen,
        "facts": len(finding.deviations) + finding.folded,
        "decision": _decision_to_json(one.decision) if one.decision else None,
        **({"deviations": [asdict(item) for item in finding.deviations]} if whole else {}),
    }


def _decision_to_json(decision: "Decision") -> dict[str, Any]:
    return {
        "state": decision.state.value,
        "at": decision.at,
        "who": decision.who,
        "reason": decision.reason,
        "until": decision.until,
        "evidence": dict(decision.evidence),
    }
