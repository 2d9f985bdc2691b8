"""A ledger in a few sentences and numbers, in the reader's language."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from releve.model.finding import Explanation, FindingState, Ledger, LedgerNode, Tier, TrackedFinding
from releve.recovery.ledger import english, french
from releve.recovery.report.language import Language, Wording, wording_for

_TEXTS: Final = {Language.ENGLISH: english.TEXTS, Language.FRENCH: french.TEXTS}
_SETTLED: Final = (FindingState.ACCEPTED, FindingState.CODIFIED)


@dataclass(frozen=True)
class Share:
    """One colour of the bar."""

    explanation: Explanation
    count: int
    percent: float
    start: float  # where it begins, in per cent


def ledger_wording(language: Language | str) -> Wording:
    """PlanError for a language that the ledger is not written in."""
    wording = wording_for(language)
    return replace(wording, texts=_TEXTS[wording.language])


def tell_headline(ledger: Ledger, wording: Wording) -> str:
    count = ledger.tree.counts.get(Explanation.UNEXPLAINED, 0)
    key = {0: "headline_none", 1: "headline_one"}.get(count, "headline_some")
    return wording.say(
        key,
        host=ledger.host,
        facts=wording.write_number(ledger.facts),
        unexplained=wording.write_number(count),
    )


def tell_account(node: LedgerNode, wording: Wording, *, blind_spots: int = 0) -> str:
    """28,412 facts: 27,801 base, 540 playbook, 40 noise, 31 unexplained, 2 blind spots."""
    parts = [
        wording.say(f"short_{explanation.name.lower()}", count=wording.write_number(count))
        for explanation, count in _ordered(node.counts)
        if explanation is not Explanation.NOT_CHECKED
    ]
    unread = _tell_unread(node.counts.get(Explanation.NOT_CHECKED, 0), blind_spots, wording)
    told = ", ".join([*parts, unread] if unread else parts) or wording.say("none")
    facts = sum(node.counts.values())
    key = "account_one_fact" if facts == 1 else "account"
    return wording.say(key, facts=wording.write_number(facts), parts=told)


def list_shares(node: LedgerNode) -> list[Share]:
    total = sum(node.counts.values()) or 1
    shares: list[Share] = []
    start = 0.0
    for each, count in _ordered(node.counts):
        shares.append(Share(each, count, percent=100 * count / total, start=start))
        start += 100 * count / total
    return shares


def open_by_tier(ledger: Ledger) -> list[tuple[Tier, list[TrackedFinding]]]:
    """What hurts most first; tiers without an open finding are left out."""
    found: dict[Tier, list[TrackedFinding]] = {tier: [] for tier in Tier}
    for one in ledger.findings:
        if one.state is FindingState.OPEN:
            found[one.finding.tier].append(one)
    return [(tier, group) for tier, group in found.items() if group]


def decided(ledger: Ledger) -> list[TrackedFinding]:
    return [one for one in ledger.findings if one.state in _SETTLED]


def list_reasons(node: LedgerNode, *, limit: int) -> Sequence[tuple[str, int]]:
    return Counter(node.because).most_common(limit)


def count_facts(one: TrackedFinding) -> int:
    return len(one.finding.deviations) + one.finding.folded


def _ordered(counts: Mapping[Explanation, int]) -> list[tuple[Explanation, int]]:
    return [(each, counts[each]) for each in Explanation if counts.get(each)]


def _tell_unread(count: int, spots: int, wording: Wording) -> str:
    if not count:
        return ""
    if not spots:
        return wording.say("short_not_checked", count=wording.write_number(count))
    if count > spots:
        values = {"count": wording.write_number(count), "spots": wording.write_number(spots)}
        return wording.say("not_checked_in", **values)
    if count == 1:
        return wording.say("blind_spots_one")
    return wording.say("blind_spots_some", count=wording.write_number(count))
