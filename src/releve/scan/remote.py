"""Runs one of the collector's programs behind a door; it comes in by stdin and leaves nothing."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from releve.errors import CommandFailed
from releve.model.server_text import show_server_text
from releve.ports.access import Access, CommandResult, Door, as_root
from releve.scan.framing import Framing
from releve.scan.malformed import malformed
from releve.scan.program import build_program
from releve.scan.request import ScanBounds

_PYTHON: Final = ("python3", "-I", "-S", "-B", "-")


def run_program(
    access: Access,
    door: Door,
    request: Mapping[str, Any],
    *,
    bounds: ScanBounds,
    take_line: Callable[[bytes], None],
    main: str = "main",
) -> tuple[Framing, CommandResult]:
    """CommandFailed where it did not even begin; whether it came to its end, the framing tells."""
    nonce = secrets.token_hex(16)
    framing = Framing(nonce, bounds=bounds, take_line=take_line)
    result = access.stream_command(
        door,
        command=as_root(door, *_PYTHON),
        stdin=build_program({**request, "nonce": nonce}, main=main),
        limits=bounds.stream_limits,
        take=framing.take,
    )
    if not framing.is_begun:
        raise _no_answer(result, framing)
    return framing, result


def _no_answer(result: CommandResult, framing: Framing) -> CommandFailed:
    if result.exit_code == 0 or result.cut:
        return malformed("it does not begin like one", text=bytes(framing.noise))
    words = show_server_text(result.stderr[-500:], limit=400) or "it said nothing"
    return CommandFailed(
        f"the machine could not be scanned: exit code {result.exit_code}",
        why=words,
        remedy="see that python3 (3.6 or later) is there and that the user may use sudo -n",
    )
