"""What is wrong with a plan, and where: collected first, raised as one PlanError."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from releve.errors import PlanError

Place = tuple[str | int, ...]  # keys and list indices from the top of the plan

_LONGEST_WORD = 80


@dataclass(frozen=True)
class Problem:
    what: str
    why: str
    remedy: str
    place: Place = ()


def to_plan_error(
    problems: Sequence[Problem], *, shown_path: str, lines: Mapping[Place, int]
) -> PlanError:
    """The first problem by line, the others in its `also`; there must be one at least."""
    ordered = sorted(problems, key=lambda problem: find_line(problem.place, lines))
    first, *others = [
        PlanError(
            problem.what,
            why=problem.why,
            remedy=problem.remedy,
            location=f"{shown_path}:{find_line(problem.place, lines)}",
        )
        for problem in ordered
    ]
    first.also = tuple(others)
    return first


def find_line(place: Place, lines: Mapping[Place, int]) -> int:
    """The line of the place, or of what encloses it; 1 for the whole file."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def near_words(word: str, known: Iterable[str]) -> list[str]:
    """At most three known words that a slip of the hand turns into `word`, best first."""
    if len(word) > _LONGEST_WORD:
        return []
    candidates = {name.lower(): name for name in known if len(name) <= _LONGEST_WORD}
    found = difflib.get_close_matches(word.lower(), candidates, n=3, cutoff=0.6)
    return [candidates[name] for name in found]


def suggest(word: str, known: Iterable[str], *, otherwise: str) -> str:
    """The near words as advice, else the given advice."""
    return offer(near_words(word, known)) or otherwise


def offer(near: Sequence[str]) -> str:
    """Advice to write one of these words; empty where there is none."""
    if not near:
        return ""
    words = " or ".join(show_word(word) for word in near[:3])
    return f"write {words}, if that is meant"


def quote(text: str) -> str:
    """Text of the plan as a message shows it: bounded, in quotes, control characters escaped."""
    short = text if len(text) <= _LONGEST_WORD else f"{text[: _LONGEST_WORD - 1]}…"
    return repr(short)


def show_word(text: str) -> str:
    """A name as a message shows it: in quotes only where it is not a plain word."""
    return text if re.fullmatch(rf"[\w.@/:-]{{1,{_LONGEST_WORD}}}", text) else quote(text)


def name_place(place: Place) -> str:
    """`ssh.port of host blog`: where in the plan, for a sentence."""
    match place:
        case ("hosts", str(host), "volumes", str(volume), *rest):
            subject = f"volume {show_word(volume)} of host {show_word(host)}"
        case ("hosts", str(host), "checks", int(index), *rest):
            subject = f"check {index + 1} of host {show_word(host)}"
        case ("hosts", str(host), *rest):
            subject = f"host {show_word(host)}"
        case _:
            subject, rest = "the plan", list(place)
    path = "".join(
        f"[{part + 1}]" if isinstance(part, int) else f".{show_word(part)}" for part in rest
    ).lstrip(".")
    return f"{path} of {subject}" if path else subject
