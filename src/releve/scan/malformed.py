"""What is said when a machine answers with something that is no scan."""

from releve.errors import CommandFailed
from releve.model.server_text import show_server_text


def malformed(why: str, *, text: str | bytes = "") -> CommandFailed:
    shown = f": {show_server_text(text, limit=120)}" if text else ""
    return CommandFailed(
        "the machine's answer to a scan cannot be read",
        why=why + shown,
        remedy="something on it disturbs or forges the scan: read its disk from a helper instead",
    )
