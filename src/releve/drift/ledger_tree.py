"""Counts of facts as a tree that can be walked: by kind, and files by directory."""

from collections import Counter
from typing import Final

from releve.model.finding import Explanation, LedgerNode
from releve.model.observed import Fact, FactKind

REST: Final = "(more)"
_DEPTH: Final = 4  # directories below the kind
_WIDTH: Final = 200  # children of one node
_MOST_NODES: Final = 20_000
_MOST_REASONS: Final = 50  # of one node


class _Node:
    __slots__ = ("because", "children", "counts")

    def __init__(self) -> None:
        self.counts: Counter[Explanation] = Counter()  # of facts that lie right here
        self.because: Counter[str] = Counter()
        self.children: dict[str, _Node] = {}


class TreeBuilder:
    """Every counted fact lies in exactly one node, so the sums are exact."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._root = _Node()
        self._nodes = 1

    def count(self, fact: Fact, explanation: Explanation, *, because: str = "") -> None:
        node = self._root
        for name in self._steps_to(fact):
            node = self._child(node, name)
        node.counts[explanation] += 1
        if because:
            is_room = because in node.because or len(node.because) < _MOST_REASONS
            node.because[because if is_room else REST] += 1

    def build(self) -> LedgerNode:
        return _freeze(self._name, self._root)

    def _steps_to(self, fact: Fact) -> list[str]:
        if fact.kind is not FactKind.FILE:
            return [fact.kind.value]
        directories = fact.key.split("/")[1:-1]
        return [fact.kind.value, *directories[:_DEPTH]]

    def _child(self, node: _Node, name: str) -> _Node:
        found = node.children.get(name)
        if found is None:
            if len(node.children) >= _WIDTH or self._nodes >= _MOST_NODES:
                name = REST
            found = node.children.get(name)
        if found is None:
            found = node.children[name] = _Node()
            self._nodes += 1
        return found


def _freeze(name: str, node: _Node) -> LedgerNode:
    children = tuple(_freeze(child, node.children[child]) for child in sorted(node.children))
    counts, because = Counter(node.counts), Counter(node.because)
    for child in children:
        counts.update(child.counts)
        because.update(child.because)
    kept = dict(because.most_common(_MOST_REASONS))
    return LedgerNode(name, dict(counts), children, kept)
