"""The terminal: tables and lines in which nothing that an instance said can act."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, TextIO

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from releve.model.server_text import show_server_text

LONGEST_LINE: Final = 2000  # characters of one line, or of one cell
_PIPED_WIDTH: Final = 200  # columns where no terminal says its width
_MARK_RUN: Final = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u20d0-\u20f0\ufe20-\ufe2f]{3})[\u0300-\u036f\u0483-\u0489\u20d0-\u20f0\ufe20-\ufe2f]+"
)


def clean(text: str, *, limit: int = LONGEST_LINE) -> str:
    """One line, bounded; control, direction and stacked combining characters cannot act."""
    return _MARK_RUN.sub(r"\1…", show_server_text(text, limit=limit))


class Terminal:
    """Cleans all it is given, reads no markup, and honours NO_COLOR and pipes."""

    def __init__(self, file: TextIO | None = None) -> None:
        stream = file or sys.stdout
        self.is_interactive = stream.isatty()
        self._console = Console(
            file=stream,
            markup=False,
            highlight=False,
            emoji=False,
            width=None if self.is_interactive else _PIPED_WIDTH,
        )

    def line(self, text: str = "", *, style: str = "") -> None:
        """One line, never cut to the width; a line break in the text is shown escaped."""
        self._console.print(Text(clean(text), style=style), soft_wrap=True)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        table = Table(box=SIMPLE, pad_edge=False, show_edge=False)
        for heading in headings:
            table.add_column(Text(clean(heading)), overflow="fold")
        for row in rows:
            table.add_row(*(Text(clean(cell)) for cell in row))
        self._console.print(table)

    def json(self, value: Any) -> None:
        """One JSON object on one line; control characters are escaped by JSON itself."""
        self._console.file.write(json.dumps(value, ensure_ascii=True) + "\n")
        self._console.file.flush()
