"""Any tree of any names comes out in the order of the store, however it is cut into lines."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from releve.model.observed import require_sorted, sort_facts
from releve.scan.request import BOUNDS
from releve.scan.spool import Spool, load_spool
from releve.scan.tree import Tree

DIRECTORY = 0o040755
FILE = 0o100644
raw_names = st.binary(min_size=1, max_size=4).filter(
    lambda raw: b"/" not in raw and b"\0" not in raw and raw not in {b".", b".."}
)
names = raw_names.map(lambda raw: raw.decode("utf-8", "surrogateescape"))
Branch = dict[str, Any]
trees: st.SearchStrategy[Branch] = st.recursive(
    st.just({}), lambda below: st.dictionaries(names, st.none() | below, max_size=6), max_leaves=40
)


def lines_of(prefix: str, tree: Branch, chunk: int) -> Iterator[list[Any]]:
    """As the walk says them."""
    listed = sorted(tree)
    for start in range(0, max(1, len(listed)), chunk):
        some = listed[start : start + chunk]
        more = 1 if start + chunk < len(listed) else 0
        yield ["d", prefix, "", more, [entry(name, tree[name]) for name in some]]
        for name in some:
            if tree[name] is not None:
                yield from lines_of(f"{prefix}/{name}", tree[name], chunk)


def entry(name: str, below: Branch | None) -> list[Any]:
    return [name, FILE] if below is None else [name, DIRECTORY, "", "", 0, 0, "+"]


def paths_of(prefix: str, tree: Branch) -> Iterator[str]:
    for name, below in tree.items():
        yield f"{prefix}/{name}"
        yield from paths_of(f"{prefix}/{name}", below or {})


@settings(max_examples=200, deadline=None)
@given(tree=trees, chunk=st.integers(1, 4))
def test_facts_of_any_tree_come_in_order(tree: Branch, chunk: int) -> None:
    spool = Spool()
    for line in (["d", None, "", 0, [entry("/", {})]], *lines_of("", tree, chunk)):
        spool.add(json.dumps(line, separators=(",", ":")).encode())
    kept = spool.dump()
    assert kept is not None
    again = load_spool(kept)
    assert again is not None
    facts = list(require_sorted(Tree(again.lines(), is_cut=False, bounds=BOUNDS).facts()))
    assert facts == sort_facts(facts)
    assert sorted(fact.key for fact in facts) == sorted(["/", *paths_of("", tree)])
