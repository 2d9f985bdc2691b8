"""A server's list with `; ` between its statements, in which names may hold anything in quotes."""

import re
from collections.abc import Iterator
from typing import Final

# Possessive, so that a quote which never ends costs no more than its length.
_STATEMENT: Final = re.compile(
    r"""(?:[^`'";]|`(?:[^`]|``)*+`|"(?:[^"]|"")*+"|'(?:[^'\\]|\\.|'')*+')++""", re.DOTALL
)


def split_statements(text: str) -> Iterator[str]:
    """At a semicolon outside of quotes; from where that cannot be told on, all is one."""
    at = 0
    while at < len(text):
        found = _STATEMENT.match(text, at)
        if found is None or (found.end() < len(text) and text[found.end()] != ";"):
            yield text[at:]
            return
        yield found[0].strip(" ")
        at = found.end() + 1
