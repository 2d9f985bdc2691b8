"""Text that came from an instance, made fit to be shown: bounded, with nothing that acts."""

import unicodedata

_ACTING = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}  # controls, bidi and zero width, surrogates


def show_server_text(text: str | bytes, *, limit: int = 200) -> str:
    """At most `limit` characters of the text, then an ellipsis; control characters are escaped."""
    if isinstance(text, bytes):
        text = text[: limit * 4].decode("utf-8", errors="backslashreplace")
    shown = "".join(_escape(character) for character in text[:limit])
    return shown if len(shown) <= limit and len(text) <= limit else f"{shown[:limit]}…"


def _escape(character: str) -> str:
    if unicodedata.category(character) not in _ACTING:
        return character
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
