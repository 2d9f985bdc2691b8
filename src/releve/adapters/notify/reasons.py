"""Why a channel failed, in words of our own: what apprise logs holds addresses and secrets."""

import re
from collections.abc import Iterable
from http.client import responses
from typing import Final

UNSENT: Final = "it did not take the message, and gave no reason that can be shown"
BAD_URL: Final = "its URL is none that apprise can read"
LATE: Final = "it had not taken the message in time"

_STATUS: Final = re.compile(r"\berror=(\d{3})\b")
_SMTP_STATUS: Final = re.compile(r"^Socket Exception: \((\d{3}), b['\"]")
_WORDS: Final = (  # of a line that tells of an exception; the first that fits
    ("timed out", "no answer in time"),
    ("refused", "its address refuses connections"),
    ("name resolution", "its name is not known"),
    ("name or service not known", "its name is not known"),
    ("failed to resolve", "its name is not known"),
    ("no address associated", "its name is not known"),
    ("certificate", "its certificate is not trusted"),
    ("ssl", "no TLS with it"),
    ("unreachable", "there is no way to it"),
    ("no route to host", "there is no way to it"),
    ("reset", "it broke the connection off"),
    ("aborted", "it broke the connection off"),
    ("closed", "it broke the connection off"),
    ("redirect", "it leads elsewhere, without end"),
)


def explain(lines: Iterable[str]) -> str:
    """Of the lines that apprise logged; nothing but numbers is taken from them."""
    for line in reversed(list(lines)):
        if found := _STATUS.search(line) or _SMTP_STATUS.search(line):
            return f"it answered {_name(int(found.group(1)), is_http='error=' in line)}"
        if line.startswith("Socket Exception"):
            lowered = line.lower()
            for word, reason in _WORDS:
                if word in lowered:
                    return reason
    return UNSENT


def _name(status: int, *, is_http: bool) -> str:
    return f"{status} {responses.get(status, '')}".rstrip() if is_http else str(status)
