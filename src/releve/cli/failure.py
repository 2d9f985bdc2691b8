"""What is shown when a command cannot go on: what, why, and what to do; never a traceback."""

import sys
from typing import Any

from releve.cli.terminal import Terminal
from releve.errors import PlanError, ReleveError

MOST_OTHERS = 9  # problems told beside the first
EXIT_DEFECT = 70  # EX_SOFTWARE: Relève itself went wrong


def show_failure(error: ReleveError, *, as_json: bool) -> int:
    """Tell it on stderr, or as JSON on stdout; returns the exit code."""
    if as_json:
        Terminal(sys.stdout).json({"error": to_json(error)})
        return error.exit_code
    terminal = Terminal(sys.stderr)
    location = f"{error.location}: " if isinstance(error, PlanError) and error.location else ""
    terminal.line(f"{location}{error.what}", style="bold")
    if error.why:
        terminal.line(f"  {error.why}")
    terminal.line(f"  Do this: {error.remedy}")
    if isinstance(error, PlanError):
        show_others(error.also, terminal)
    return error.exit_code


def show_others(others: tuple[PlanError, ...], terminal: Terminal) -> None:
    for other in others[:MOST_OTHERS]:
        terminal.line(f"also {other.location}: {other.what} ({other.remedy})")
    if len(others) > MOST_OTHERS:
        terminal.line(f"and {len(others) - MOST_OTHERS} more problems; --json tells them all")


def to_json(error: ReleveError) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": type(error).__name__,
        "what": error.what,
        "why": error.why,
        "remedy": error.remedy,
    }
    if isinstance(error, PlanError):
        told["location"] = error.location
        told["also"] = [to_json(other) for other in error.also]
    return told


def show_defect(error: Exception, *, as_json: bool) -> int:
    """An error that is nobody's intent: one line, and how to see where it came from."""
    defect = ReleveError(
        f"Relève stopped on an error of its own: {type(error).__name__}",
        why=str(error) or "the error says no more",
        remedy="run it again with RELEVE_DEBUG=1 to see where, and report it with that output",
    )
    show_failure(defect, as_json=as_json)
    return EXIT_DEFECT
