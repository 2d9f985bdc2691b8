"""Learn what differs by itself between machines that should be equal, and mask no more than that.

Stored per attribute: content may be noise where owner and mode are not. Digits are never taken
for noise; a path is generalised only below /var and /tmp, and only a uuid, a long hexadecimal
name, the suffix of a private directory or of a rotated file.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from releve.drift.rules import find_rule
from releve.drift.security import concerns_security
from releve.model.finding import Deviation, DeviationStatus, Explanation
from releve.model.noise import EVERY_ATTRIBUTE, NoiseMark
from releve.model.observed import FactKind

FROM_LIVE: Final = "successive scans"  # a person may have changed what differs between these
ANY_NAME: Final = "{name}"  # of a child of a volatile directory

_VOLATILE_CHILDREN: Final = 3
_MOST_DIRECTORIES: Final = 100_000
_GENERAL: Final = (
    (re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"), "{uuid}"),
    (re.compile(r"(systemd-private-)[0-9a-f]{16,}(-.+-)[A-Za-z0-9]{6}(?=/|$)"), r"\1{hex}\2{hex}"),
    (re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{16,}(?![0-9A-Za-z])"), "{hex}"),
    (re.compile(r"(?<=[^/])(?:\.\d{1,3}|[.-]\d{8}(?:-\d{6})?)(?:\.(?:gz|xz|bz2|zst))?$"),
     "{rotation}"),
)  # fmt: skip
_FREE: Final = frozenset({"content", "value", "target", "login"})  # any value may come next
_EXISTENCE: Final = (DeviationStatus.EXTRA, DeviationStatus.MISSING)


@dataclass(frozen=True)
class Judgement:
    """What is left of a deviation, what was hidden of it, and why."""

    left: Deviation | None
    masked: Deviation | None = None
    reason: str = ""
    explanation: Explanation = Explanation.NOISE


@dataclass
class _Churn:
    """Children of one directory that came, went or changed by themselves."""

    children: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)
    statuses: set[DeviationStatus] = field(default_factory=set)


def learn(deviations: Iterable[Deviation], *, source: str) -> Iterator[NoiseMark]:
    """Marks for all that differs between two states which no person has changed in between.

    Between successive scans of a live host a person may have: there only content below /var and
    /tmp counts, and existence only where names are generalised or a directory churns both ways.
    """
    directories: dict[str, _Churn] = {}
    for deviation in deviations:
        if deviation.status is DeviationStatus.NOT_CHECKED or find_rule(deviation) is not None:
            continue
        _count_churn(deviation, directories)
        if source == FROM_LIVE and not _is_credible(deviation):
            continue
        yield from _marks_of(deviation, source)
    for directory, churn in directories.items():
        if _is_volatile(churn, source):
            yield NoiseMark(
                FactKind.FILE, f"{directory}/{ANY_NAME}", EVERY_ATTRIBUTE,
                general=True, learned_from=source, values=tuple(sorted(churn.owners)),
            )  # fmt: skip


def generalise(path: str) -> str:
    """The same path anywhere but below /var and /tmp."""
    if not path.startswith(("/var/", "/tmp/")):  # noqa: S108 - a path that is compared
        return path
    for pattern, replacement in _GENERAL:
        path = pattern.sub(replacement, path)
    return path


class Mask:
    """Built-in rules, then what was learned."""

    def __init__(self, marks: Iterable[NoiseMark]) -> None:
        self._databases: set[str] = set()
        self._marks: dict[tuple[FactKind, str, str], list[NoiseMark]] = {}
        for mark in marks:
            self._marks.setdefault((mark.kind, mark.key, mark.attribute), []).append(mark)

    def leave_to_database(self, directory: str) -> None:
        """What lies in here is told by facts about databases, and by no file."""
        self._databases.add(directory.rstrip("/") + "/")

    def apply(self, deviation: Deviation) -> Deviation | None:
        return self.judge(deviation).left

    def judge(self, deviation: Deviation) -> Judgement:
        rule = find_rule(deviation)
        if rule is not None:
            return Judgement(None, deviation, f"{rule.name}: {rule.reason}", rule.explanation)
        if deviation.kind is FactKind.FILE and deviation.key.startswith(tuple(self._databases)):
            return Judgement(None, deviation, "databases: compared as databases, roles, grants")
        if deviation.status in _EXISTENCE:
            return self._judge_existence(deviation)
        if deviation.status is DeviationStatus.MODIFIED:
            return self._judge_attributes(deviation)
        return Judgement(deviation)

    def _judge_existence(self, deviation: Deviation) -> Judgement:
        if concerns_security(deviation):
            return Judgement(deviation)
        mark = self._find(deviation, EVERY_ATTRIBUTE, _accepts_owner)
        mark = mark or self._find_rotated(deviation)
        return Judgement(None, deviation, _say(mark)) if mark else Judgement(deviation)

    def _judge_attributes(self, deviation: Deviation) -> Judgement:
        found = {name: self._find_attribute(deviation, name) for name in deviation.attributes}
        marks = [mark for mark in found.values() if mark is not None]
        if not marks:
            return Judgement(deviation)
        hidden = tuple(name for name, mark in found.items() if mark is not None)
        shown = tuple(name for name, mark in found.items() if mark is None)
        left = replace(deviation, attributes=shown) if shown else None
        return Judgement(left, replace(deviation, attributes=hidden), _say(marks[0]))

    def _find_attribute(self, deviation: Deviation, name: str) -> NoiseMark | None:
        def accepts(mark: NoiseMark, deviation: Deviation) -> bool:
            return _accepts_values(mark, deviation, name)

        mark = self._find(deviation, name, accepts)
        if mark is None and deviation.kind is FactKind.FILE and name == "content":
            mark = self._find(deviation, EVERY_ATTRIBUTE, _accepts_owner)
        return mark

    def _find(
        self,
        deviation: Deviation,
        attribute: str,
        accepts: Callable[[NoiseMark, Deviation], bool],
    ) -> NoiseMark | None:
        for key in _keys_of(deviation):
            for mark in self._marks.get((deviation.kind, key, attribute), ()):
                if accepts(mark, deviation):
                    return mark
        return None

    def _find_rotated(self, deviation: Deviation) -> NoiseMark | None:
        """A rotated copy of a file whose content is noise."""
        general = generalise(deviation.key)
        if deviation.kind is not FactKind.FILE or not general.endswith("{rotation}"):
            return None
        key = deviation.key[: len(deviation.key) - _length_of_rotation(deviation.key)]
        marks = self._marks.get((FactKind.FILE, key, "content"), ())
        return next(iter(marks), None)


def _count_churn(deviation: Deviation, directories: dict[str, _Churn]) -> None:
    parent, _, name = deviation.key.rpartition("/")
    fact = deviation.ours or deviation.theirs
    if deviation.kind is not FactKind.FILE or fact is None or not parent.startswith("/var/"):
        return
    if fact.attributes.get("type", "file") != "file" or concerns_security(deviation):
        return
    if deviation.status is DeviationStatus.MODIFIED and "content" not in deviation.attributes:
        return
    parent = generalise(parent)
    if parent not in directories and len(directories) >= _MOST_DIRECTORIES:
        return
    churn = directories.setdefault(parent, _Churn())
    churn.statuses.add(deviation.status)
    churn.owners.add(fact.attributes.get("owner", ""))
    if len(churn.children) < _VOLATILE_CHILDREN:
        churn.children.add(name)


def _is_volatile(churn: _Churn, source: str) -> bool:
    if len(churn.children) < _VOLATILE_CHILDREN or not churn.statuses & set(_EXISTENCE):
        return False
    return source != FROM_LIVE or churn.statuses >= set(_EXISTENCE)


def _is_credible(deviation: Deviation) -> bool:
    """Between two live scans: nothing that a person is likely to have done."""
    if deviation.kind is not FactKind.FILE or concerns_security(deviation):
        return False
    if deviation.status is DeviationStatus.MODIFIED:
        in_var = deviation.key.startswith(("/var/lib/", "/var/log/", "/var/spool/"))
        return in_var and deviation.attributes == ("content",)
    return generalise(deviation.key) != deviation.key


def _marks_of(deviation: Deviation, source: str) -> Iterator[NoiseMark]:
    if deviation.status in _EXISTENCE and concerns_security(deviation):
        return
    existence = deviation.status in _EXISTENCE
    for name in (EVERY_ATTRIBUTE,) if existence else deviation.attributes:
        values = () if existence or name in _FREE else _values_of(deviation, name)
        plain = NoiseMark(deviation.kind, deviation.key, name, learned_from=source, values=values)
        yield plain
        if deviation.kind is FactKind.FILE and generalise(deviation.key) != deviation.key:
            yield replace(plain, key=generalise(deviation.key), general=True)


def _values_of(deviation: Deviation, name: str) -> tuple[str, ...]:
    facts = (deviation.ours, deviation.theirs)
    return tuple(sorted({shape_of(fact.attributes.get(name, "")) for fact in facts if fact}))


def shape_of(value: str) -> str:
    """A value without its digest: of a password what it allows, not which it is."""
    return re.sub(r"\b(hmac|sha256|sampled):[0-9A-Za-z+/=:]+", r"\1", value)


def _keys_of(deviation: Deviation) -> Iterator[str]:
    yield deviation.key
    if deviation.kind is not FactKind.FILE:
        return
    general = generalise(deviation.key)
    if general != deviation.key:
        yield general
    fact = deviation.ours or deviation.theirs
    if fact is not None and fact.attributes.get("type", "file") == "file":
        yield f"{general.rpartition('/')[0]}/{ANY_NAME}"


def _accepts_owner(mark: NoiseMark, deviation: Deviation) -> bool:
    """A volatile directory hides only files of those who made the churn."""
    fact = deviation.ours or deviation.theirs
    return not mark.values or (fact is not None and fact.attributes.get("owner", "") in mark.values)


def _accepts_values(mark: NoiseMark, deviation: Deviation, name: str) -> bool:
    return not mark.values or set(_values_of(deviation, name)) <= set(mark.values)


def _length_of_rotation(path: str) -> int:
    found = _GENERAL[-1][0].search(path)
    return len(found.group()) if found else 0


def _say(mark: NoiseMark) -> str:
    return f"differs by itself: learned from {mark.learned_from or 'an earlier comparison'}"
