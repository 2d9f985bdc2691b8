"""Walk two observed states side by side, in bounded memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from releve.drift.blind_spots import BlindSpots, split_off
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import Fact, FactKind

PACKAGE_CONTENT: Final = "="
_UNLOADED: Final = {"active": "inactive", "load": "loaded"}  # a unit that systemd does not hold


_END: Final[tuple[tuple[int, str], Fact | None]] = ((len(FactKind), ""), None)  # after any fact


@dataclass
class Sides:
    """What must be known of both streams before two of their facts can be judged."""

    ours: BlindSpots
    theirs: BlindSpots
    our_versions: dict[str, str] = field(default_factory=dict)
    their_versions: dict[str, str] = field(default_factory=dict)

    def is_skewed(self, package: str) -> bool:
        """Both have the package, in other versions."""
        ours, theirs = self.our_versions.get(package), self.their_versions.get(package)
        return ours is not None and theirs is not None and ours != theirs


def compare(
    ours: Iterable[Fact],
    theirs: Iterable[Fact],
    *,
    ours_partial: bool = False,
    theirs_partial: bool = False,
) -> Iterator[Deviation]:
    """Every difference, in the order of the streams; what one side could not tell is NOT_CHECKED.

    Both streams must be sorted: ValueError where one is not.
    """
    for _ours, _theirs, deviation in walk(
        ours, theirs, ours_partial=ours_partial, theirs_partial=theirs_partial
    ):
        if deviation is not None:
            yield deviation


def walk(
    ours: Iterable[Fact],
    theirs: Iterable[Fact],
    *,
    ours_partial: bool = False,
    theirs_partial: bool = False,
) -> Iterator[tuple[Fact | None, Fact | None, Deviation | None]]:
    """Every fact of either side but blind spots, with its deviation where there is one."""
    our_spots, our_facts = split_off(ours, partial=ours_partial)
    their_spots, their_facts = split_off(theirs, partial=theirs_partial)
    sides = Sides(our_spots, their_spots)
    for our, their in merge(our_facts, their_facts):
        _remember_versions(our, their, sides)
        yield our, their, judge(our, their, sides)


def merge(
    ours: Iterable[Fact], theirs: Iterable[Fact]
) -> Iterator[tuple[Fact | None, Fact | None]]:
    """Facts of the same kind and key together; one that is on one side only with None."""
    left, right = _ordered(ours), _ordered(theirs)
    our, their = next(left, _END), next(right, _END)
    while our is not _END or their is not _END:
        if our[0] < their[0]:
            yield our[1], None
            our = next(left, _END)
        elif their[0] < our[0]:
            yield None, their[1]
            their = next(right, _END)
        else:
            yield our[1], their[1]
            our, their = next(left, _END), next(right, _END)


def judge(our: Fact | None, their: Fact | None, sides: Sides) -> Deviation | None:
    """How one pair deviates; None where it does not."""
    if our is None or their is None:
        return _judge_lone(our, their, sides)
    if our.attributes == their.attributes and our.attributes.get("content") != PACKAGE_CONTENT:
        return None
    differing: list[str] = []
    unknown: list[str] = []
    for name in sorted({*our.attributes, *their.attributes}):
        if _is_same(our, their, name=name, sides=sides):
            continue
        hidden = sides.ours.hides(our, name) or sides.theirs.hides(their, name)
        (unknown if hidden else differing).append(name)
    if differing:
        status, names = DeviationStatus.MODIFIED, differing
    elif unknown:
        status, names = DeviationStatus.NOT_CHECKED, unknown
    else:
        return None
    return Deviation(our.kind, our.key, status, our, their, tuple(names))


def _ordered(facts: Iterable[Fact]) -> Iterator[tuple[tuple[int, str], Fact | None]]:
    last: tuple[int, str] = (-1, "")
    for fact in facts:
        order = fact.order
        if order <= last:
            raise ValueError(f"{fact.kind} {fact.key!r} is out of order or there twice")
        last = order
        yield order, fact


def _remember_versions(our: Fact | None, their: Fact | None, sides: Sides) -> None:
    if (our or their).kind is not FactKind.PACKAGE:  # type: ignore[union-attr] # merge yields one
        return
    for fact, versions in ((our, sides.our_versions), (their, sides.their_versions)):
        if fact is not None:
            versions[fact.key] = fact.attributes.get("version", "")


def _judge_lone(our: Fact | None, their: Fact | None, sides: Sides) -> Deviation | None:
    if our is not None:
        unknown = sides.theirs.may_hold(our)
        status = DeviationStatus.NOT_CHECKED if unknown else DeviationStatus.EXTRA
        return Deviation(our.kind, our.key, status, our, None)
    if their is None:
        return None
    unknown = sides.ours.may_hold(their)
    status = DeviationStatus.NOT_CHECKED if unknown else DeviationStatus.MISSING
    return Deviation(their.kind, their.key, status, None, their)


def _is_same(our: Fact, their: Fact, *, name: str, sides: Sides) -> bool:
    ours, theirs = our.attributes.get(name), their.attributes.get(name)
    if our.kind is FactKind.UNIT and name in _UNLOADED:
        ours, theirs = ours or _UNLOADED[name], theirs or _UNLOADED[name]
    if name == "content" and ours == theirs == PACKAGE_CONTENT:
        package = our.evidence.get("package", "")
        return package == their.evidence.get("package", "") and not sides.is_skewed(package)
    return ours == theirs
