"""Text that came from an instance, made fit to be shown: bounded, with nothing that acts."""

import unicodedata
from collections.abc import Iterator

_ACTING = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}  # controls, bidi and zero width, surrogates
_MOST_STACKED = 3  # combining marks on one character; no language needs more


def show_server_text(text: str | bytes, *, limit: int = 200) -> str:
    """At most `limit` characters of the text, then an ellipsis; what could act is escaped."""
    if isinstance(text, bytes):
        text = text[: limit * 4].decode("utf-8", errors="backslashreplace")
    shown = "".join(_show_characters(text[:limit]))
    return shown if len(shown) <= limit and len(text) <= limit else f"{shown[:limit]}…"


def _show_characters(text: str) -> Iterator[str]:
    stacked = 0
    for character in text:
        stacked = stacked + 1 if unicodedata.combining(character) else 0
        if stacked > _MOST_STACKED:
            if stacked == _MOST_STACKED + 1:
                yield "…"
        elif unicodedata.category(character) in _ACTING:
            yield _escape(character)
        else:
            yield character


def _escape(character: str) -> str:
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
