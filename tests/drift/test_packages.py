"""Which packages a person chose, and what to do on a twin so that it has the same."""

from hypothesis import given
from hypothesis import strategies as st

from releve.drift.packages import PackageDecisions, decide_packages, find_roots
from releve.model.observed import Fact, FactKind
from tests.drift.machines import Machine

NAMES = ["a", "b", "c", "d", "e"]
PACKAGES = st.dictionaries(
    st.sampled_from(NAMES),
    st.tuples(st.sampled_from(["manual", "auto"]), st.sets(st.sampled_from(NAMES))),
)


def test_decisions_are_those_of_the_host_and_never_their_consequences() -> None:
    twin = Machine().package("nginx").package("gone").package("purged").package("kept", hold="yes")
    twin.package("library", mark="auto")
    live = Machine().package("nginx", hold="yes").package("gone", state="config-files")
    live.package("kept").package("library").package("npm", depends="node (>= 1) | other, libc6")
    live.package("node", mark="auto").put(
        FactKind.PACKAGE, "acme", {"origin": "local"}, state="installed", mark="manual"
    )
    assert decide_packages(live.facts(), twin.facts()) == PackageDecisions(
        install=("node", "npm"),
        remove=("gone",),
        purge=("purged",),
        hold=("nginx",),
        unhold=("kept",),
        manual=("library",),
        auto=("node",),
        not_replayable=("acme",),
    )


def test_a_name_that_is_no_package_name_never_reaches_apt() -> None:
    live = Machine()
    for name in ("-o=Dpkg::Pre-Invoke=x", "a b", "A", "x;y", "../x", ""):
        live.package(name)
    decisions = decide_packages(live.facts(), iter(()))
    assert decisions.is_empty
    assert len(decisions.not_replayable) == 6


@given(PACKAGES)
def test_every_package_belongs_to_exactly_one_root(
    packages: dict[str, tuple[str, set[str]]],
) -> None:
    facts = {
        name: Fact(FactKind.PACKAGE, name, {"mark": mark}, {"depends": ", ".join(sorted(needs))})
        for name, (mark, needs) in packages.items()
    }
    roots = find_roots(facts)
    owned = [*roots, *(name for followers in roots.values() for name in followers)]
    assert sorted(owned) == sorted(facts)
    assert {name for name, (mark, _) in packages.items() if mark == "manual"} <= set(roots)


def test_reading_stops_after_the_packages() -> None:
    def facts() -> object:
        yield Fact(FactKind.PACKAGE, "a")
        yield Fact(FactKind.USER, "u")
        raise AssertionError("read too far")

    assert decide_packages(facts(), iter(())).install == ("a",)  # type: ignore[arg-type] # a generator
