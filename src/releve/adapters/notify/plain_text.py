"""What a notice says, made fit for channels that read markup in whatever they are given."""

from dataclasses import replace
from typing import Final

from releve.model.server_text import show_server_text
from releve.ports.notifier import Notice

MOST_TITLE: Final = 120  # characters
MOST_LINE: Final = 500
MOST_LINES: Final = 40
MOST_BODY: Final = 4000
# Discord, Mattermost and others render Markdown and mentions even in text sent as plain.
_LOOK_ALIKES: Final = str.maketrans("@<>[]`*~|\\", "＠＜＞［］｀＊～｜＼")  # noqa: RUF001 - meant


def bound_notice(notice: Notice) -> Notice:
    """One line of title and at most 40 of body; no control, direction or zero-width character."""
    lines = notice.body.splitlines()
    shown = [show_server_text(line, limit=MOST_LINE) for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        shown.append(f"… and {len(lines) - MOST_LINES} more lines")
    body = "\n".join(shown)
    title = " ".join(show_server_text(line, limit=MOST_TITLE) for line in notice.title.splitlines())
    return replace(
        notice,
        title=title[:MOST_TITLE],
        body=body if len(body) <= MOST_BODY else f"{body[:MOST_BODY]}…",
    )


def disarm(text: str) -> str:
    """No mention, link, image, tag, quotation or heading is left; what it says can be read."""
    lines = text.translate(_LOOK_ALIKES).split("\n")
    return "\n".join(_disarm_line(line) for line in lines)


def _disarm_line(line: str) -> str:
    """Emphasis by underscores begins and ends at the edge of a word, headings with the line."""
    words = [_disarm_word(word) for word in line.split(" ")]
    if words[0].startswith("#"):
        words[0] = words[0].replace("#", "＃")  # noqa: RUF001 - meant
    return " ".join(words)


def _disarm_word(word: str) -> str:
    edge = word.strip("_")
    if edge == word:
        return word
    begin, _, end = word.partition(edge) if edge else (word, "", "")
    return f"{'＿' * len(begin)}{edge}{'＿' * len(end)}"  # noqa: RUF001 - meant
