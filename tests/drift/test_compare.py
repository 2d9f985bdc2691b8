"""Two streams walked together: what differs, what is missing, what nobody can tell."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.drift.compare import compare
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import Fact, FactKind, sort_facts

KINDS = [FactKind.PACKAGE, FactKind.USER, FactKind.SYSCTL, FactKind.FILE]
ATTRIBUTES = st.dictionaries(st.sampled_from(["content", "mode", "value"]), st.sampled_from("ab="))
FACTS = st.builds(
    Fact,
    st.sampled_from(KINDS),
    st.sampled_from(["/", "/a", "/a/b", "/a-b", "/a/c", "/d", "name"]),
    ATTRIBUTES,
)
STATES = st.lists(FACTS, unique_by=lambda fact: fact.order).map(sort_facts)
MIRRORED = {
    DeviationStatus.EXTRA: DeviationStatus.MISSING,
    DeviationStatus.MISSING: DeviationStatus.EXTRA,
}


def mirror(deviation: Deviation) -> Deviation:
    return Deviation(
        deviation.kind, deviation.key, MIRRORED.get(deviation.status, deviation.status),
        deviation.theirs, deviation.ours, deviation.attributes,
    )  # fmt: skip


@given(STATES)
def test_a_state_does_not_deviate_from_itself(facts: list[Fact]) -> None:
    assert list(compare(facts, facts)) == []


@given(STATES, STATES)
def test_seen_from_the_other_side_missing_is_extra(ours: list[Fact], theirs: list[Fact]) -> None:
    assert [mirror(item) for item in compare(ours, theirs)] == list(compare(theirs, ours))


@given(STATES, STATES)
def test_every_difference_and_nothing_else_is_found(ours: list[Fact], theirs: list[Fact]) -> None:
    left, right = {fact.order: fact for fact in ours}, {fact.order: fact for fact in theirs}
    expected = {
        order
        for order in {*left, *right}
        if (left[order].attributes if order in left else None)
        != (right[order].attributes if order in right else None)
    }
    found = {(item.ours or item.theirs).order for item in compare(ours, theirs)}  # type: ignore[union-attr] # one is there
    assert found == expected


@given(STATES, STATES)
def test_a_partial_scan_lacks_nothing_for_sure(ours: list[Fact], theirs: list[Fact]) -> None:
    statuses = {item.status for item in compare(ours, theirs, ours_partial=True)}
    assert DeviationStatus.MISSING not in statuses


def test_a_stream_out_of_order_is_refused() -> None:
    facts = [Fact(FactKind.FILE, "/b"), Fact(FactKind.FILE, "/a")]
    with pytest.raises(ValueError, match="out of order"):
        list(compare(facts, []))


@pytest.mark.parametrize(
    ("spot", "other", "status"),
    [
        ("listener", Fact(FactKind.LISTENER, "tcp 0.0.0.0 80"), DeviationStatus.NOT_CHECKED),
        ("sysctl", Fact(FactKind.LISTENER, "tcp 0.0.0.0 80"), DeviationStatus.MISSING),
        ("/srv", Fact(FactKind.FILE, "/srv/data/1"), DeviationStatus.NOT_CHECKED),
        ("/srv", Fact(FactKind.FILE, "/srv2"), DeviationStatus.MISSING),
        ("setting:kernel", Fact(FactKind.SETTING, "kernel.ksm.run"), DeviationStatus.NOT_CHECKED),
        ("setting:kernel", Fact(FactKind.SETTING, "timezone"), DeviationStatus.MISSING),
        (
            "cron:/var/spool/cron/crontabs/root line 4",
            Fact(FactKind.CRON, "root x", {}, {"file": "/var/spool/cron/crontabs/root"}),
            DeviationStatus.NOT_CHECKED,
        ),
    ],
)
def test_what_a_side_could_not_read_is_not_missing_there(
    spot: str, other: Fact, status: DeviationStatus
) -> None:
    ours = [Fact(FactKind.NOT_CHECKED, spot, {"why": "broken"})]
    assert [item.status for item in compare(ours, [other])] == [status]


def test_an_attribute_that_was_not_read_is_unknown_and_one_that_was_is_told() -> None:
    excluded = Fact(FactKind.EXCLUSION, "/big", {"why": "too-large"})
    ours = Fact(FactKind.FILE, "/big", {"mode": "0644"})
    theirs = Fact(FactKind.FILE, "/big", {"mode": "0644", "content": "sha256:1"})
    (deviation,) = compare([excluded, ours], [theirs])
    assert (deviation.status, deviation.attributes) == (DeviationStatus.NOT_CHECKED, ("content",))
    chmodded = Fact(FactKind.FILE, "/big", {"mode": "0600"})
    (deviation,) = compare([excluded, chmodded], [theirs])
    assert (deviation.status, deviation.attributes) == (DeviationStatus.MODIFIED, ("mode",))


def test_offline_nobody_can_tell_whether_a_unit_runs_but_whether_it_is_enabled() -> None:
    spot = Fact(FactKind.NOT_CHECKED, "unit:running", {"why": "needs a running kernel"})
    dead = Fact(FactKind.UNIT, "a.service", {"enablement": "enabled"})
    live = Fact(FactKind.UNIT, "a.service", {"enablement": "enabled", "active": "active"})
    (deviation,) = compare([spot, dead], [live])
    assert deviation.status is DeviationStatus.NOT_CHECKED
    masked = Fact(FactKind.UNIT, "a.service", {"enablement": "masked"})
    (deviation,) = compare([spot, masked], [live])
    assert deviation.attributes == ("enablement",)


@pytest.mark.parametrize(("version", "differs"), [("1", False), ("2", True)])
def test_the_package_s_own_content_is_equal_only_in_the_same_version(
    version: str, *, differs: bool
) -> None:
    file = Fact(FactKind.FILE, "/usr/bin/x", {"content": "="}, {"package": "x"})
    ours = [Fact(FactKind.PACKAGE, "x", {"version": "1"}), file]
    theirs = [Fact(FactKind.PACKAGE, "x", {"version": version}), file]
    kinds = [item.kind for item in compare(ours, theirs)]
    assert kinds == ([FactKind.PACKAGE, FactKind.FILE] if differs else [])


def test_millions_of_facts_are_never_held() -> None:
    held = 0

    def endless(start: int) -> chain[Fact]:
        nonlocal held
        numbers = (Fact(FactKind.FILE, f"/{number:09}") for number in range(start, 10**8))
        return chain(numbers)

    deviations = compare(endless(0), endless(1))
    assert next(deviations).key == "/000000000"
