"""Text of an instance on the terminal: shown, never obeyed (T3 of the threat model)."""

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.cli.terminal import LONGEST_LINE, Terminal, clean

HOSTILE = {
    "window title": "\x1b]0;owned\x07",
    "clear screen": "\x1b[2J\x1b[H",
    "link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "device control": "\x1bP$q\x1b\\",
    "C1 control": "\x9b31m",
    "line overwritten": "all is lost\rall is well",
    "bell": "\x07",
    "new line and a fake one": "ok\nreleve: recovered",
    "right to left": "\u202egpj.exe",
    "isolate": "\u2066x\u2069",
    "zero width": "a\u200bb",
    "byte order mark": "\ufeffx",
    "surrogate": "\udcff",
    "delete": "\x7f",
    "next line": "a\x85b",
    "line separator": "a\u2028b",
    "closing markup": "[/foo]",
    "link markup": "[link=https://evil.example]click[/link]",
    "style markup": "[bold red on white]x",
    "emoji code": ":skull:",
    "many combining marks": "z" + "\u0301" * 1_000_000,
    "very long": "x" * 1_000_000,
}
ACTING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def print_through(text: str) -> str:
    written = io.StringIO()
    terminal = Terminal(written)
    terminal.line(text)
    terminal.table((text, "state"), [(text, text), ("b", "c")])
    return written.getvalue()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_acts(text: str) -> None:
    written = print_through(text)
    assert not ACTING.search(written)
    assert len(written) < 40 * LONGEST_LINE


@given(text=st.text())
def test_nothing_acts_whatever_the_text(text: str) -> None:
    assert not ACTING.search(print_through(text))


@given(text=st.text(alphabet=st.characters(max_codepoint=0x10FFFF), max_size=300))
def test_line_stays_one_line(text: str) -> None:
    written = io.StringIO()
    Terminal(written).line(text)
    assert written.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b", r"\x9b"),
        ("a\rb", r"a\x0db"),
        ("\u202ex", r"\u202ex"),
        ("[/foo] [bold]x :skull:", "[/foo] [bold]x :skull:"),
        ("Relève, 日本, naïve é", "Relève, 日本, naïve é"),
    ],
)
def test_what_is_shown_instead(text: str, shown: str) -> None:
    assert clean(text) == shown
    assert print_through(text).splitlines()[0] == shown


def test_length_is_bounded() -> None:
    assert len(clean("x" * 10**6)) <= LONGEST_LINE + 1
    assert len(clean("\x1b" * 10**6)) <= LONGEST_LINE + 1
    assert clean("abcdef", limit=3) == "abc…"


def test_stacked_marks_are_cut() -> None:
    assert clean("e\u0301t\u0301\u0302") == "e\u0301t\u0301\u0302"
    assert clean("z" + "\u0301" * 500) == "z\u0301\u0301\u0301…"


class ATerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_only_for_people_who_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    seen, plain, piped = ATerminal(), ATerminal(), io.StringIO()
    Terminal(seen).line("done", style="green")
    assert "\x1b[32m" in seen.getvalue()
    Terminal(piped).line("done", style="green")
    assert piped.getvalue() == "done\n"
    monkeypatch.setenv("NO_COLOR", "1")
    Terminal(plain).line("done", style="green")
    assert "\x1b[32m" not in plain.getvalue()


def test_long_lines_are_not_broken_in_a_pipe() -> None:
    written = io.StringIO()
    Terminal(written).line("word " * 100)
    assert written.getvalue() == "word " * 100 + "\n"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_json_carries_the_text_whole(text: str) -> None:
    written = io.StringIO()
    Terminal(written).json({"said": text})
    assert json.loads(written.getvalue()) == {"said": text}
    assert not ACTING.search(written.getvalue())
