"""What one look at a host shows to be wrong, before anybody asks whether it lasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from releve.model.verdict import DEAD, Cause, HostState, Testimony, Verdict, Witness


class Source(StrEnum):
    """Whose fresh rounds can show that it is over."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    EITHER = "either"


@dataclass(frozen=True)
class Sign:
    """`before` and `after` enclose since when: "/ cannot be written" … "(EROFS)"."""

    state: HostState
    cause: Cause
    before: str
    after: str = ""
    subject: str = ""
    testimonies: tuple[Testimony, ...] = ()
    source: Source = Source.INSIDE

    @property
    def is_dead(self) -> bool:
        return self.state in {HostState.CRASHED, HostState.UNREACHABLE}

    @property
    def topic(self) -> str:
        return DEAD if self.is_dead else self.cause.value

    @property
    def is_doubly_seen(self) -> bool:
        return len({testimony.witness for testimony in self.testimonies}) > 1

    def as_verdict(self, *, since: datetime, confirmed: bool) -> Verdict:
        told = f"{self.before} since {since:%H:%M:%S} UTC"
        reason = f"{told} {self.after}" if self.after else told
        return Verdict(self.state, self.cause, reason, confirmed, self.testimonies, self.subject)


def attention(cause: Cause, before: str, *, subject: str = "", after: str = "") -> Sign:
    """A sign that the host serves, and wants a person all the same."""
    source = Source.OUTSIDE if cause is Cause.FAILED_CHECK else Source.INSIDE
    return Sign(HostState.DEGRADED, cause, before, after, subject, source=source)


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def enumerate_words(words: Sequence[str], *, most: int = 5) -> str:
    """a, b and c; at most so many, then how many more."""
    shown = list(words[:most])
    if len(words) > most:
        shown.append(f"{len(words) - most} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def testify(witness: Witness, text: str) -> Testimony:
    return Testimony(witness, text)
