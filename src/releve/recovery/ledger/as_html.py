"""The ledger as one page that a client can read and walk through, without any script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from releve.model.finding import (
    Deviation,
    Explanation,
    Ledger,
    Tier,
    TrackedFinding,
)
from releve.model.observed import Fact
from releve.model.server_text import show_server_text
from releve.recovery.ledger.summary import (
    count_facts,
    decided,
    ledger_wording,
    list_reasons,
    list_shares,
    open_by_tier,
    tell_account,
    tell_headline,
)
from releve.recovery.ledger.treemap import draw_treemap
from releve.recovery.ledger.walking import prune
from releve.recovery.report.language import Language, Wording
from releve.recovery.report.page import open_template, read_resource, style_values

_PACKAGE: Final = "releve.recovery.ledger"
_MOST_FINDINGS: Final = 200  # of one tier
_MOST_DEVIATIONS: Final = 12  # of one finding
_MOST_ROWS: Final = 200  # of blind spots, and of what is hidden
_MOST_REASONS: Final = 15
_WIDEST: Final = 12  # children of a place in the tree
_DEEPEST: Final = 4
_LONGEST_VALUE: Final = 160
_MAPS: Final = (("wide", 940.0, 470.0), ("narrow", 340.0, 460.0))


@dataclass(frozen=True)
class Row:
    """One difference as the page shows it."""

    what: str
    attribute: str
    ours: str
    theirs: str


def render_html(ledger: Ledger, language: Language | str) -> str:
    wording = ledger_wording(language)
    style = "".join(
        (read_resource("releve.recovery.report", "page.css"), read_resource(_PACKAGE, "page.css"))
    )
    page: str = open_template(_PACKAGE).render(
        **style_values(style), **_headline_values(ledger, wording), **_body_values(ledger, wording)
    )
    return page


def _headline_values(ledger: Ledger, wording: Wording) -> dict[str, Any]:
    counts = ledger.tree.counts
    unexplained = counts.get(Explanation.UNEXPLAINED, 0)
    explained = ledger.facts - unexplained - counts.get(Explanation.NOT_CHECKED, 0)
    tiers = open_by_tier(ledger)
    return {
        "ledger": ledger,
        "wording": wording,
        "headline": tell_headline(ledger, wording),
        "account": tell_account(ledger.tree, wording, blind_spots=len(ledger.blind_spots)),
        "shares": list_shares(ledger.tree),
        "unexplained": unexplained,
        "explained": explained,
        "percent": _write_share(explained, ledger.facts, wording),
        "open_count": sum(len(group) for _, group in tiers),
        "at_risk": [one for tier, group in tiers if tier is Tier.DATA_AT_RISK for one in group],
        "made_at": _write_moment(ledger.made_at, wording),
        "live_at": _write_moment(ledger.live_at, wording),
        "twin_at": _write_moment(ledger.twin_at, wording),
    }


def _body_values(ledger: Ledger, wording: Wording) -> dict[str, Any]:
    return {
        "maps": [
            (name, draw_treemap(ledger.tree, width=width, height=height))
            for name, width, height in _MAPS
        ],
        "tiers": open_by_tier(ledger),
        "most_findings": _MOST_FINDINGS,
        "decided": decided(ledger),
        "reasons": list_reasons(ledger.tree, limit=_MOST_REASONS),
        "blind_spots": ledger.blind_spots[:_MOST_ROWS],
        "masked": [row for item in ledger.masked[:_MOST_ROWS] for row in _rows_of(item, wording)],
        "most_rows": _MOST_ROWS,
        "pruned": prune(ledger.tree, width=_WIDEST, depth=_DEEPEST),
        "list_shares": list_shares,
        "size_of": lambda node: sum(node.counts.values()),
        "unexplained_in": lambda node: node.counts.get(Explanation.UNEXPLAINED, 0),
        "count_facts": count_facts,
        "rows_of": lambda one: _rows_of_finding(one, wording),
        "facts_left": lambda one: max(0, count_facts(one) - _MOST_DEVIATIONS),
        "show_date": lambda text: _write_date(text, wording),
        "class_of": _class_of,
    }


def _class_of(explanation: Explanation) -> str:
    return explanation.name.lower()


def _rows_of_finding(one: TrackedFinding, wording: Wording) -> list[Row]:
    shown: Sequence[Deviation] = one.finding.deviations[:_MOST_DEVIATIONS]
    return [row for deviation in shown for row in _rows_of(deviation, wording)]


def _rows_of(deviation: Deviation, wording: Wording) -> list[Row]:
    """One line for a fact that is on one side only, else one for each attribute that differs."""
    what = f"{deviation.kind.value.replace('_', ' ')} {deviation.key}"
    ours, theirs = deviation.ours, deviation.theirs
    if ours is None or theirs is None:
        status = wording.say(f"status_{deviation.status.value}")
        return [Row(what, status, _tell(ours, wording), _tell(theirs, wording))]
    absent = wording.say("absent")
    return [
        Row(
            "" if number else what,
            attribute,
            _shorten(ours.attributes.get(attribute, absent)),
            _shorten(theirs.attributes.get(attribute, absent)),
        )
        for number, attribute in enumerate(deviation.attributes)
    ] or [Row(what, wording.say(f"status_{deviation.status.value}"), "", "")]


def _tell(fact: Fact | None, wording: Wording) -> str:
    if fact is None:
        return wording.say("absent")
    return _join(fact.attributes) or wording.say("present")


def _join(attributes: Mapping[str, str]) -> str:
    return _shorten(", ".join(f"{name} {value}" for name, value in attributes.items()))


def _shorten(text: str) -> str:
    return show_server_text(text, limit=_LONGEST_VALUE)


def _write_share(part: int, whole: int, wording: Wording) -> str:
    """Never rounded up to all of it."""
    share = 100 * part / whole if whole else 100.0
    return wording.write_number(min(share, 99.9) if part < whole else share, decimals=1)


def _write_moment(text: str, wording: Wording) -> str:
    return wording.write_moment(_read_time(text)) if text else ""


def _write_date(text: str, wording: Wording) -> str:
    return wording.write_date(_read_time(text)) if text else ""


def _read_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
