"""Walk down the tree of a ledger: to one place, or along what matters first."""

from dataclasses import dataclass, replace

from releve.errors import PlanError
from releve.model.finding import Deviation, Explanation, Ledger, LedgerNode, TrackedFinding
from releve.model.observed import FactKind
from releve.plan.problems import near_words, show_word

REST = "(more)"


@dataclass(frozen=True)
class Place:
    """A node of the tree, and how one came to it."""

    steps: tuple[str, ...]
    node: LedgerNode
    left: tuple[str, ...] = ()  # what was asked for below it; counted with it

    @property
    def path(self) -> str:
        """As --at takes it."""
        if self.steps[:1] == (FactKind.FILE.value,):
            return "/" + "/".join(self.steps[1:])
        return "/".join(self.steps) or "/"


def find_place(ledger: Ledger, path: str) -> Place:
    """`/etc/nginx` is a directory, `user` a kind of fact; PlanError with near names."""
    steps = [step for step in path.split("/") if step]
    if path.startswith("/"):
        steps = [FactKind.FILE.value, *steps]
    place = Place((), ledger.tree)
    for number, step in enumerate(steps):
        children = {child.name: child for child in place.node.children}
        if step not in children:
            if children and REST not in children and step not in _own_names(place, ledger):
                raise _no_such_place(path, place, list(children))
            return replace(place, left=tuple(steps[number:]))
        place = Place((*place.steps, step), children[step])
    return place


def findings_at(ledger: Ledger, place: Place) -> list[TrackedFinding]:
    """Those with a difference at the place or below it."""
    steps = (*place.steps, *place.left)
    return [
        one
        for one in ledger.findings
        if any(_lies_in(deviation, steps) for deviation in one.finding.deviations)
    ]


def prune(node: LedgerNode, *, width: int, depth: int) -> LedgerNode:
    """At each place the children that matter most: unexplained first, then by size."""
    if depth == 0:
        return replace(node, children=())
    chosen = sorted(node.children, key=_weight, reverse=True)[:width]
    kept = tuple(prune(child, width=width, depth=depth - 1) for child in chosen)
    return replace(node, children=kept)


def _weight(node: LedgerNode) -> tuple[int, int]:
    return node.counts.get(Explanation.UNEXPLAINED, 0), sum(node.counts.values())


def _lies_in(deviation: Deviation, steps: tuple[str, ...]) -> bool:
    where = (deviation.kind.value, *deviation.key.split("/")[1:])
    if deviation.kind is not FactKind.FILE:
        where = (deviation.kind.value, deviation.key)
    return where[: len(steps)] == steps


def _own_names(place: Place, ledger: Ledger) -> set[str]:
    """Of files that lie right at the place and are in a finding; other files are only counted."""
    depth = len(place.steps)
    found = set()
    for one in findings_at(ledger, place):
        for deviation in one.finding.deviations:
            if _lies_in(deviation, place.steps) and deviation.kind is FactKind.FILE:
                found.add(deviation.key.split("/")[depth])
    return found


def _no_such_place(path: str, place: Place, known: list[str]) -> PlanError:
    wrong = path.strip("/").split("/")[-1]
    near = near_words(wrong, known) or known[:8]
    return PlanError(
        f"the ledger has no place {show_word(path)}",
        why=f"below {show_word(place.path)} there are {', '.join(map(show_word, near))}",
        remedy="Give a directory as /etc/nginx, or a kind of fact as user",
    )
