"""The sentences of a ledger, in both languages and never better than the numbers."""

import re
import string
from collections.abc import Mapping
from dataclasses import replace

import pytest

from releve.errors import PlanError
from releve.model.finding import DeviationStatus, Explanation, LedgerNode, Tier
from releve.recovery.ledger import english, french
from releve.recovery.ledger.summary import (
    ledger_wording,
    list_shares,
    open_by_tier,
    tell_account,
    tell_headline,
)
from tests.ledger.sample_ledger import make_ledger, node

ENGLISH, FRENCH = ledger_wording("en"), ledger_wording("fr")


def test_the_line_has_its_denominator() -> None:
    ledger = make_ledger()
    told = tell_account(ledger.tree, ENGLISH, blind_spots=len(ledger.blind_spots))
    assert told == (
        "28,412 facts: 25,553 base, 2,244 package, 514 playbook, 14 data volume, 48 noise,"
        " 4 identity, 2 accepted, 31 unexplained, 2 blind spots."
    )
    figures = [int(text.replace(",", "")) for text in re.findall(r"[\d,]*\d", told)]
    assert figures[0] == sum(figures[1:])
    in_french = tell_account(ledger.tree, FRENCH, blind_spots=2)
    assert in_french.startswith("28\u202f412 faits\u00a0: 25\u202f553 image de base")


@pytest.mark.parametrize(
    ("counts", "spots", "says"),
    [
        ({"base": 1}, 0, "1 fact: 1 base."),
        ({"base": 2, "not_checked": 1}, 1, "3 facts: 2 base, 1 blind spot."),
        ({"base": 2, "not_checked": 7}, 2, "9 facts: 2 base, 7 not checked in 2 blind spots."),
        ({"not_checked": 7}, 0, "7 facts: 7 not checked."),
        ({}, 0, "0 facts: none."),
    ],
)
def test_few_and_unread_facts(counts: Mapping[str, int], spots: int, says: str) -> None:
    assert tell_account(node("blog", **counts), ENGLISH, blind_spots=spots) == says


@pytest.mark.parametrize(
    ("unexplained", "says"),
    [(0, "Every one of the 5 facts"), (1, "1 of the 5 facts of blog is"), (2, "2 of the 5 facts")],
)
def test_the_headline(unexplained: int, says: str) -> None:
    tree = node("blog", base=5 - unexplained, unexplained=unexplained)
    assert tell_headline(replace(make_ledger(), tree=tree), ENGLISH).startswith(says)


def test_shares_fill_the_bar_in_the_order_of_explanations() -> None:
    shares = list_shares(make_ledger().tree)
    assert [share.explanation for share in shares] == sorted(
        (share.explanation for share in shares), key=list(Explanation).index
    )
    assert sum(share.percent for share in shares) == pytest.approx(100)
    assert shares[-1].start + shares[-1].percent == pytest.approx(100)
    assert list_shares(LedgerNode("blog", {})) == []


def test_what_hurts_most_stands_first() -> None:
    tiers = [tier for tier, _ in open_by_tier(make_ledger())]
    assert tiers[0] is Tier.DATA_AT_RISK
    assert tiers == sorted(tiers, key=list(Tier).index)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_every_text_with_the_same_values() -> None:
    assert set(english.TEXTS) == set(french.TEXTS)
    for key, text in english.TEXTS.items():
        assert placeholders(text) == placeholders(french.TEXTS[key]), key
    wanted = [
        *(f"name_{each.name.lower()}" for each in Explanation),
        *(f"short_{each.name.lower()}" for each in Explanation),
        *(f"tier_{tier.value}" for tier in Tier),
        *(f"status_{status.value}" for status in DeviationStatus),
    ]
    assert [key for key in wanted if not english.TEXTS.get(key)] == []


def test_french_says_nothing_in_english_and_keeps_its_signs_on_the_line() -> None:
    assert {key for key, text in english.TEXTS.items() if text == french.TEXTS[key]} <= {
        "short_task"
    }
    for text in french.TEXTS.values():
        assert not re.search(r" [;:!?%]", text), text
        assert "'" not in text, text


def test_a_language_that_is_not_there_is_named() -> None:
    with pytest.raises(PlanError) as caught:
        ledger_wording("de")
    assert "en, fr" in caught.value.why
