"""To one place of the tree, and what is found there."""

from dataclasses import replace

import pytest

from releve.errors import PlanError
from releve.model.finding import Explanation
from releve.recovery.ledger.walking import find_place, findings_at, prune
from tests.ledger.sample_ledger import make_ledger, node

LEDGER = make_ledger()


@pytest.mark.parametrize(
    ("asked", "path", "facts"),
    [
        ("/", "/", 27_690),
        ("", "/", 28_412),
        ("/etc/nginx", "/etc/nginx", 56),
        ("/etc/nginx/", "/etc/nginx", 56),
        ("user", "user", 25),
        ("file/etc/nginx", "/etc/nginx", 56),
        ("/etc/nginx/sites-enabled/shop", "/etc/nginx", 56),
    ],
)
def test_a_place_is_found(asked: str, path: str, facts: int) -> None:
    place = find_place(LEDGER, asked)
    assert place.path == path
    assert sum(place.node.counts.values()) == facts


def test_what_lies_deeper_than_the_tree_is_told() -> None:
    assert find_place(LEDGER, "/etc/nginx/sites-enabled").left == ("sites-enabled",)
    assert find_place(LEDGER, "/etc/nginx").left == ()


@pytest.mark.parametrize("asked", ["/ect", "/etc/ngnix", "usr", "../../etc"])
def test_a_place_that_is_not_there_names_near_ones(asked: str) -> None:
    with pytest.raises(PlanError) as caught:
        find_place(LEDGER, asked)
    assert "below" in caught.value.why
    assert caught.value.remedy


def test_a_tree_that_was_cut_cannot_deny_a_place() -> None:
    cut = replace(LEDGER, tree=node("blog", node("file", node("(more)", base=3), base=1)))
    assert find_place(cut, "/srv").left == ("srv",)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("/etc", {"3c4d5e6f7a8b", "feedface0001"}),
        ("/etc/nginx/sites-enabled", {"3c4d5e6f7a8b"}),
        ("/usr/local/bin", {"77e1f0b2a9c3"}),
        ("user", {"a1b2c3d4e5f6"}),
        ("/usr/share", set()),
    ],
)
def test_findings_of_a_place(asked: str, found: set[str]) -> None:
    place = find_place(LEDGER, asked)
    assert {one.finding.fingerprint for one in findings_at(LEDGER, place)} == found


def test_everything_is_below_the_top() -> None:
    assert len(findings_at(LEDGER, find_place(LEDGER, ""))) == len(LEDGER.findings)


def test_pruning_keeps_what_matters_first() -> None:
    pruned = prune(LEDGER.tree, width=2, depth=2)
    assert [child.name for child in pruned.children] == ["file", "package"]
    assert [child.name for child in pruned.children[0].children] == ["etc", "var"]
    assert all(not child.children for child in pruned.children[0].children)
    assert pruned.counts[Explanation.UNEXPLAINED] == 31
