"""Text put into Markdown so that it stays text: no markup, link, HTML or line of its own."""

import re
from collections.abc import Sequence

from releve.model.server_text import show_server_text

MAX_SHOWN_CHARACTERS = 500

_ACTING = re.compile(
    r"[\\`*_\[\]<>#!|~&$@]"
    r"|^[-+=]"  # list, heading
    r"|(?<=\d)[.)](?=\s|$)"  # numbered list
    r"|:(?=//)|(?<=www)\.",  # links that some readers make of bare addresses
    re.IGNORECASE,
)


def write_text(text: object) -> str:
    """Anywhere within a line, a list entry or a table cell."""
    shown = show_server_text(str(text), limit=MAX_SHOWN_CHARACTERS)
    return _ACTING.sub(r"\\\g<0>", shown.strip())


def write_row(*cells: str) -> str:
    """Cells that have been through write_text."""
    return f"| {' | '.join(cells)} |"


def write_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [
        write_row(*map(write_text, header)),
        write_row(*("---" for _ in header)),
        *(write_row(*map(write_text, row)) for row in rows),
        "",
    ]
