"""What two base images differ in is no drift: subtract it, value by value."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import RANKS, Fact, FactKind, order_of_key

NUMBERS: Final = {
    FactKind.USER: frozenset({"uid", "gid", "subuid", "subgid"}),
    FactKind.GROUP: frozenset({"gid"}),
}
_UNWEIGHED: Final = {FactKind.PACKAGE: frozenset({"version"}), **NUMBERS}


class BasePair:
    """The deviations of two bare bases, walked along with those of the host and its twin.

    Only where the host still has its own base's value and the twin still has its: a later change
    by hand of the same attribute stays.
    """

    def __init__(self, base_deviations: Iterable[Deviation]) -> None:
        self._bases = iter(base_deviations)
        self._base = next(self._bases, None)

    def subtract(self, deviation: Deviation) -> tuple[Deviation | None, Deviation | None]:
        """What is left, and what the bases explain; deviations must come in order."""
        while self._base is not None and _order(self._base) < _order(deviation):
            self._base = next(self._bases, None)
        if self._base is None or _order(self._base) != _order(deviation):
            return deviation, None
        return _subtract(deviation, self._base)


def split_deviation(deviation: Deviation) -> tuple[Deviation, ...]:
    """Versions of packages and numbers of accounts apart from what a person decided."""
    apart = _UNWEIGHED.get(deviation.kind)
    if apart is None or deviation.status is not DeviationStatus.MODIFIED:
        return (deviation,)
    if "state" in deviation.attributes:
        return (deviation,)  # of a removed package no version matters
    aside = tuple(name for name in deviation.attributes if name in apart)
    rest = tuple(name for name in deviation.attributes if name not in apart)
    return tuple(replace(deviation, attributes=names) for names in (rest, aside) if names)


def _order(deviation: Deviation) -> tuple[int, str]:
    return RANKS[deviation.kind], order_of_key(deviation.key)


def _subtract(deviation: Deviation, base: Deviation) -> tuple[Deviation | None, Deviation | None]:
    if deviation.status is not base.status:
        return deviation, None
    if deviation.status is not DeviationStatus.MODIFIED:
        unchanged = _is_alike(deviation.ours, base.ours) and _is_alike(
            deviation.theirs, base.theirs
        )
        return (None, deviation) if unchanged else (deviation, None)
    explained = tuple(
        name
        for name in deviation.attributes
        if _has_same(deviation.ours, base.ours, name)
        and _has_same(deviation.theirs, base.theirs, name)
    )
    left = tuple(name for name in deviation.attributes if name not in explained)
    return (
        replace(deviation, attributes=left) if left else None,
        replace(deviation, attributes=explained) if explained else None,
    )


def _is_alike(one: Fact | None, other: Fact | None) -> bool:
    """Both absent, or equal in all but versions and numbers."""
    if one is None or other is None:
        return one is other
    unweighed = _UNWEIGHED.get(one.kind, frozenset())
    names = {*one.attributes, *other.attributes} - unweighed
    return all(_has_same(one, other, name) for name in names)


def _has_same(one: Fact | None, other: Fact | None, name: str) -> bool:
    if one is None or other is None:
        return one is other
    return one.attributes.get(name) == other.attributes.get(name)
