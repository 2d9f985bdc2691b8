"""What a person says about findings: accepted until a day with a reason, or open again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from releve.errors import PlanError
from releve.model.finding import Decision, FindingState, TrackedFinding
from releve.plan.problems import near_words, show_word
from releve.ports.finding_store import FindingStore

_SHORTEST_PREFIX = 4


@dataclass(frozen=True)
class Word:
    """Said by a person at a moment, of one or several findings."""

    state: FindingState  # ACCEPTED, or OPEN to take it back
    who: str
    reason: str
    at: str  # ISO 8601 UTC
    until: str = ""  # ISO 8601 date


def choose_finding(tracked: Sequence[TrackedFinding], given: str, *, host: str) -> TrackedFinding:
    """By fingerprint, or by the beginning of one; PlanError with near ones."""
    found = [one for one in tracked if one.finding.fingerprint == given]
    if not found and len(given) >= _SHORTEST_PREFIX:
        found = [one for one in tracked if one.finding.fingerprint.startswith(given)]
    if len(found) == 1:
        return found[0]
    known = [one.finding.fingerprint for one in found or tracked]
    near = known[:3] if found else near_words(given, known)
    what = "means several findings" if found else "is no finding"
    raise PlanError(
        f"{show_word(given)} {what} of {show_word(host)}",
        why=f"near: {', '.join(near)}" if near else "",
        remedy=f"List them with `releve findings {show_word(host)} --state all`",
    )


def decide(
    store: FindingStore, host: str, given: Sequence[str], *, word: Word
) -> tuple[TrackedFinding, ...]:
    """All of them or none; the findings as they stand then."""
    _require_word(word)
    tracked = store.list_findings(host, at=word.at)
    chosen = [choose_finding(tracked, one, host=host).finding.fingerprint for one in given]
    for fingerprint in dict.fromkeys(chosen):
        store.decide(
            Decision(
                fingerprint=fingerprint,
                host=host,
                state=word.state,
                at=word.at,
                who=word.who,
                reason=word.reason.strip(),
                until=word.until,
            )
        )
    after = store.list_findings(host, at=word.at)
    return tuple(one for one in after if one.finding.fingerprint in chosen)


def _require_word(word: Word) -> None:
    if not word.reason.strip():
        raise PlanError(
            "a decision needs a reason",
            why="in a year nobody knows any more why this was right",
            remedy="Say it with --reason",
        )
    if not word.until:
        return
    try:
        last_day = date.fromisoformat(word.until)
    except ValueError as error:
        raise PlanError(
            f"{show_word(word.until)} is not a date",
            remedy="Write --until as YEAR-MONTH-DAY, for example 2027-01-31",
        ) from error
    if last_day.isoformat() < word.at[:10]:
        raise PlanError(
            f"{last_day.isoformat()} is over",
            why="an acceptance that has expired accepts nothing",
            remedy="Name a day to come, or leave --until out",
        )
