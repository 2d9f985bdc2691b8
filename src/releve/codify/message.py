"""The message of each commit: our words, the finding's title, and what was left out."""

import textwrap
from collections.abc import Iterator
from typing import Final

from releve.codify.secrets import hide_secrets
from releve.codify.types import Change, LeftOut
from releve.model.server_text import show_server_text

_WIDTH: Final = 72
_MOST_LEFT_OUT: Final = 20


def write_message(change: Change) -> str:
    """Nothing in it can act, or is a secret, whatever the server said."""
    return "\n".join(_lines(change)) + "\n"


def show(text: str, *, limit: int = 200) -> str:
    return show_server_text(hide_secrets(text), limit=limit)


def tell_left_out(left: LeftOut) -> str:
    kept = "; its content is kept, encrypted, with the observed states" if left.artefact else ""
    return f"{left.kind.replace('_', ' ')} {show(left.key)}: {left.reason}{kept}. {left.remedy}"


def _lines(change: Change) -> Iterator[str]:
    finding = change.finding
    title = show(finding.title, limit=_WIDTH - len("Codify: "))
    yield f"Codify: {title[:1].lower()}{title[1:]}".rstrip(" .")
    yield ""
    yield from _wrap(f"Found on {finding.host}, and in no playbook: {show(finding.title)}")
    for reason in change.reasons:
        yield ""
        yield from _wrap(f"{_begin(reason)}.")
    if change.left_out:
        yield ""
        yield "Not in this commit:"
        for left in change.left_out[:_MOST_LEFT_OUT]:
            yield from _wrap(f"- {tell_left_out(left)}", hanging="  ")
        if len(change.left_out) > _MOST_LEFT_OUT:
            yield f"- and {len(change.left_out) - _MOST_LEFT_OUT} more"
    yield ""
    yield f"Releve-Finding: {finding.fingerprint}"
    yield f"Releve-Host: {finding.host}"


def _begin(sentence: str) -> str:
    """With a capital, but for a path or an option, which must stay as it is."""
    first = sentence.split(" ", 1)[0]
    return f"{sentence[:1].upper()}{sentence[1:]}" if first.isalpha() else sentence


def _wrap(text: str, *, hanging: str = "") -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )
