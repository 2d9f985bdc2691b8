"""releve scan: read a host or a dead disk, changing nothing, and keep what was read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # importing these would slow every `releve --help`
    from collections.abc import Sequence

    from releve.cli.terminal import Terminal
    from releve.model.observed import ScanRecord
    from releve.recovery.scan_of_host import Changes, ScanSummary
    from releve.wiring import State

MOST_SPOTS = 30
MOST_CHANGES = 30
LISTED = 100


def register(app: typer.Typer) -> None:
    app.command("scan")(scan)


def scan(  # noqa: PLR0913 - one parameter for each option
    host: Annotated[str, typer.Argument(help="the host's name in the plan")],
    *,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="releve.yml; default: here or above, up to .git")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="hash every file, packaged ones too")
    ] = False,
    afresh: Annotated[
        bool, typer.Option("--afresh", help="read what did not change since the last scan as well")
    ] = False,
    root: Annotated[
        Path | None, typer.Option("--root", help="a dead disk, mounted here, instead of the host")
    ] = None,
    list_scans: Annotated[bool, typer.Option("--list", help="list the scans kept")] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Read all that a host is, keep it encrypted, and show what is new since the last time."""
    from releve.cli.terminal import Terminal
    from releve.recovery.scan_of_host import summarise
    from releve.wiring import open_state

    terminal = Terminal()
    if list_scans:
        kept = open_state().observed.find_scans(host, limit=LISTED)
        _show_list(terminal, host, kept, as_json=json)
        return
    if root:
        state = open_state()
        record = _scan_dead(host, root, state, full=full)
    else:
        record, state = _scan_live(host, plan, full=full, afresh=afresh)
    summary = summarise(record, state.observed)
    if json:
        terminal.json(_to_json(summary))
    else:
        _tell(terminal, summary)


def _scan_live(
    host: str, plan: Path | None, *, full: bool, afresh: bool
) -> "tuple[ScanRecord, State]":
    from importlib import import_module
    from threading import Thread

    from releve.plan.loading import find_plan, load_plan
    from releve.recovery.scan_of_host import scan_live
    from releve.wiring import connect, open_state

    # the library of the login, while the provider is asked for the host's address and keys
    Thread(target=import_module, args=("releve.adapters.ssh.access",), daemon=True).start()
    loaded = load_plan(plan or find_plan(Path.cwd()))
    host_plan = loaded.host(host)
    state = open_state()
    outside = connect(loaded.plan.provider, state=state)
    return scan_live(host, host_plan, outside, full=full, afresh=afresh), state


def _scan_dead(host: str, root: Path, state: "State", *, full: bool) -> "ScanRecord":
    import getpass

    from releve.adapters.this_machine import ThisMachine
    from releve.recovery.scan_of_host import DeadScan, scan_dead_root

    now = state.clock.now().isoformat(timespec="seconds")
    request = DeadScan(user=getpass.getuser(), at=now, full=full)
    return scan_dead_root(host, root, access=ThisMachine(), store=state.observed, request=request)


def _show_list(
    terminal: "Terminal", host: str, kept: "Sequence[ScanRecord]", *, as_json: bool
) -> None:
    from dataclasses import asdict

    if as_json:
        terminal.json({"host": host, "scans": [asdict(record) for record in kept]})
    elif not kept:
        terminal.line(f"No scan of {host} yet. Next: releve scan {host}")
    else:
        terminal.table(
            ("scan", "of", "taken", "facts", "took", ""),
            [
                (
                    record.scan_id,
                    record.role.value,
                    record.taken_at,
                    f"{record.facts:,}",
                    f"{record.seconds:.1f} s",
                    _tell_marks(record),
                )
                for record in kept
            ],
        )


def _tell_marks(record: "ScanRecord") -> str:
    marks = {"full": record.full, "offline": record.offline, "cut": not record.complete}
    return ", ".join(mark for mark, is_so in marks.items() if is_so)


def _tell(terminal: "Terminal", summary: "ScanSummary") -> None:
    record = summary.record
    took = f"read in {record.seconds:.1f} s"
    terminal.line(f"{record.host}: {record.facts:,} facts, {took}", style="bold")
    if not record.complete:
        terminal.line("It was cut: what is missing in it is unknown.", style="bold")
    terminal.table(
        ("kind", "facts"),
        [
            (kind.value.replace("_", " "), f"{count:,}")
            for kind, count in sorted(summary.counts.items(), key=lambda item: -item[1])
        ],
    )
    if summary.blind_spots:
        terminal.line("blind spots", style="bold")
    for spot in summary.blind_spots[:MOST_SPOTS]:
        terminal.line(f"  {spot.key}: {spot.attributes.get('why', '')}")
    if len(summary.blind_spots) > MOST_SPOTS:
        left = len(summary.blind_spots) - MOST_SPOTS
        terminal.line(f"  and {left} more; --json tells them all")
    if summary.changes:
        _tell_changes(terminal, summary.changes)
    terminal.line(f"scan  {record.scan_id}")
    if not record.offline:
        terminal.line(f"Next: releve ledger {record.host}")


def _tell_changes(terminal: "Terminal", changes: "Changes") -> None:
    since = f"since {changes.since.taken_at}"
    if not changes.count:
        terminal.line(f"nothing is new {since}")
        return
    noun = "difference" if changes.count == 1 else "differences"
    terminal.line(f"{changes.count:,} {noun} {since}", style="bold")
    for item in changes.listed[:MOST_CHANGES]:
        differs = f" ({', '.join(item.attributes)})" if item.attributes else ""
        kind = item.kind.value.replace("_", " ")
        terminal.line(f"  {item.status.value}  {kind} {item.key}{differs}")
    if changes.count > MOST_CHANGES:
        terminal.line(f"  and {changes.count - MOST_CHANGES} more; --json tells more of them")


def _to_json(summary: "ScanSummary") -> dict[str, Any]:
    from dataclasses import asdict

    changes = summary.changes
    return {
        **asdict(summary.record),
        "counts": {kind.value: count for kind, count in summary.counts.items()},
        "blind_spots": [
            {"kind": spot.kind.value, "key": spot.key, **spot.attributes}
            for spot in summary.blind_spots
        ],
        "changes": {
            "since": changes.since.scan_id,
            "count": changes.count,
            "listed": [
                {
                    "kind": item.kind.value,
                    "key": item.key,
                    "status": item.status.value,
                    "attributes": list(item.attributes),
                }
                for item in changes.listed
            ],
        }
        if changes
        else None,
    }
