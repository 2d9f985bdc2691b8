"""What a notice becomes before it is sent: bounded, and nothing in it acts."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from releve.adapters.notify.plain_text import MOST_BODY, MOST_TITLE, bound_notice, disarm
from releve.ports.notifier import Notice, Tone


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200).map(lambda text: text * 40))
def test_a_notice_is_bounded_and_holds_no_acting_character(title: str, body: str) -> None:
    bounded = bound_notice(Notice("i", title, body, Tone.INFO, is_first=True))
    assert len(bounded.title) <= MOST_TITLE
    assert len(bounded.body) <= MOST_BODY + 1
    assert not {"\r", "\n"} & set(bounded.title)
    acting = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
    for character in bounded.title + bounded.body.replace("\n", ""):
        assert unicodedata.category(character) not in acting


@given(st.text(alphabet="@<>[]`*~|\\\\_# \nab:/()!", max_size=80))
def test_no_markup_is_left(text: str) -> None:
    shown = disarm(text)
    assert len(shown) == len(text)
    assert not set("@<>[]`*~|\\") & set(shown)
    for line in shown.split("\n"):
        assert not line.startswith("#")
        assert not any(word.startswith("_") or word.endswith("_") for word in line.split(" "))


def test_what_people_copy_stays_as_it_is() -> None:
    for text in (
        "releve approve i-20261126-031500-blog",
        "ext4_journal_check_start:83 counts 1 error (EROFS) since 03:15:02 UTC",
        "https://blog.example.org/posts/1 answers 502, wanted 200",
    ):
        assert disarm(text) == text
