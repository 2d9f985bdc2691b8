"""What every store of findings must hold to; the fake, SQLite and PostgreSQL alike."""

from dataclasses import replace
from pathlib import Path

import pytest

from releve.errors import PlanError
from releve.model.finding import (
    Decision,
    Deviation,
    DeviationStatus,
    Finding,
    FindingState,
    Tier,
)
from releve.model.noise import EVERY_ATTRIBUTE, NoiseMark
from releve.model.observed import Fact, FactKind
from releve.ports.finding_store import FindingStore
from tests.store.places import PLACES, Place, make_place

MONDAY, TUESDAY, WEDNESDAY = (f"2026-11-2{day}T12:00:00+00:00" for day in (3, 4, 5))


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return make_place(request, tmp_path)


@pytest.fixture
def store(place: Place) -> FindingStore:
    return place.open()[1]


def finding(fingerprint: str = "a" * 12, **changes: object) -> Finding:
    ours = Fact(FactKind.USER, "ops", {"uid": "1001"}, {"file": "/etc/passwd"})
    theirs = Fact(FactKind.USER, "ops", {"uid": "1002", "shell": "/bin/\udcff"})
    plain = Finding(
        fingerprint=fingerprint,
        host="blog",
        cause=FactKind.USER,
        subject="ops",
        status=DeviationStatus.MODIFIED,
        title="user ops has another uid",
        tier=Tier.SECURITY,
        deviations=(
            Deviation(
                FactKind.USER, "ops", DeviationStatus.MODIFIED, ours, theirs, ("uid", "shell")
            ),
            Deviation(FactKind.GROUP, "ops", DeviationStatus.EXTRA, ours, None),
        ),
        folded=3,
    )
    return replace(plain, **changes)  # type: ignore[arg-type] # fields by name


def decide(store: FindingStore, state: FindingState, **changes: object) -> Decision:
    plain = Decision("a" * 12, "blog", state, TUESDAY, who="anna", reason="on purpose")
    decision = replace(plain, **changes)  # type: ignore[arg-type] # fields by name
    store.decide(decision)
    return decision


def state_at(store: FindingStore, at: str) -> FindingState:
    (tracked,) = store.list_findings("blog", at=at)
    return tracked.state


def test_a_finding_comes_back_whole(store: FindingStore, place: Place) -> None:
    store.save_findings("blog", [finding()], at=MONDAY)
    (tracked,) = place.open()[1].list_findings("blog", at=MONDAY)
    assert tracked.finding == finding()
    assert (tracked.state, tracked.decision) == (FindingState.OPEN, None)
    assert (tracked.first_seen, tracked.last_seen) == (MONDAY, MONDAY)


def test_one_seen_again_keeps_its_beginning_and_has_the_newer_body(store: FindingStore) -> None:
    store.save_findings("blog", [finding()], at=MONDAY)
    store.save_findings("blog", [finding(title="it grew")], at=TUESDAY)
    (tracked,) = store.list_findings("blog", at=TUESDAY)
    assert tracked.finding.title == "it grew"
    assert (tracked.first_seen, tracked.last_seen) == (MONDAY, TUESDAY)


def test_one_not_seen_any_more_is_gone_and_stays_on_record(store: FindingStore) -> None:
    store.save_findings("blog", [finding(), finding("b" * 12)], at=MONDAY)
    store.save_findings("blog", [finding("b" * 12)], at=TUESDAY)
    states = {one.finding.fingerprint[0]: one for one in store.list_findings("blog", at=TUESDAY)}
    assert states["a"].state is FindingState.GONE
    assert states["a"].last_seen == MONDAY
    assert states["b"].state is FindingState.OPEN


def test_findings_of_another_host_do_not_go(store: FindingStore) -> None:
    store.save_findings("blog", [finding()], at=MONDAY)
    store.save_findings("shop", [], at=TUESDAY)
    assert state_at(store, TUESDAY) is FindingState.OPEN
    assert store.list_findings("shop", at=TUESDAY) == ()


def test_the_same_fingerprint_of_two_hosts_are_two_findings(store: FindingStore) -> None:
    store.save_findings("blog", [finding()], at=MONDAY)
    store.save_findings("shop", [finding(host="shop")], at=MONDAY)
    decide(store, FindingState.ACCEPTED)
    (other,) = store.list_findings("shop", at=TUESDAY)
    assert (other.finding.host, other.state) == ("shop", FindingState.OPEN)


def test_findings_are_in_the_order_of_a_report(store: FindingStore) -> None:
    wanted = [
        finding("c" * 12, tier=Tier.DATA_AT_RISK, title="z"),
        finding("b" * 12, tier=Tier.SECURITY, title="a"),
        finding("d" * 12, tier=Tier.SECURITY, title="b"),
        finding("a" * 12, tier=Tier.LITTER, title="a"),
    ]
    store.save_findings("blog", sorted(wanted, key=lambda one: one.fingerprint), at=MONDAY)
    assert [one.finding for one in store.list_findings("blog", at=MONDAY)] == wanted


def test_an_acceptance_holds_until_its_last_day(store: FindingStore, place: Place) -> None:
    store.save_findings("blog", [finding()], at=MONDAY)
    decision = decide(store, FindingState.ACCEPTED, until="2026-12-01")
    (tracked,) = place.open()[1].list_findings("blog", at="2026-12-01T23:59:59+00:00")
    assert (tracked.state, tracked.decision) == (FindingState.ACCEPTED, decision)
    assert state_at(store, "2026-12-02T00:00:00+00:00") is FindingState.OPEN


def test_an_acceptance_without_an_end_outlives_going_and_coming(store: FindingStore) -> None:
    store.save_findings("blog", [finding()], at=MONDAY)
    decide(store, FindingState.ACCEPTED)
    store.save_findings("blog", [], at=TUESDAY)
    assert state_at(store, TUESDAY) is FindingState.GONE
    store.save_findings("blog", [finding()], at=WEDNESDAY)
    assert state_at(store, WEDNESDAY) is FindingState.ACCEPTED
    assert state_at(store, "2036-01-01T00:00:00+00:00") is FindingState.ACCEPTED


def test_a_codified_one_that_comes_back_is_open(store: FindingStore) -> None:
    store.save_findings("blog", [finding()], at=MONDAY)
    decide(store, FindingState.CODIFIED, at=MONDAY, evidence={"branch": "releve/a"})
    store.save_findings("blog", [finding()], at=MONDAY)
    assert state_at(store, MONDAY) is FindingState.CODIFIED
    store.save_findings("blog", [], at=TUESDAY)
    assert state_at(store, TUESDAY) is FindingState.GONE
    store.save_findings("blog", [finding()], at=WEDNESDAY)
    (tracked,) = store.list_findings("blog", at=WEDNESDAY)
    assert tracked.state is FindingState.OPEN
    assert tracked.first_seen == MONDAY


def test_the_last_decision_counts_and_all_are_kept(store: FindingStore, place: Place) -> None:
    store.save_findings("blog", [finding()], at=MONDAY)
    first = decide(store, FindingState.ACCEPTED, reason="for now\nreally \udcff")
    second = decide(store, FindingState.OPEN, reason="after all not", at=WEDNESDAY)
    assert state_at(store, WEDNESDAY) is FindingState.OPEN
    assert place.open()[1].read_decisions("blog", "a" * 12) == (first, second)
    assert store.read_decisions("blog", "b" * 12) == ()


def test_deciding_on_what_is_not_there_names_near_ones(store: FindingStore) -> None:
    store.save_findings("blog", [finding("abcdef123456")], at=MONDAY)
    with pytest.raises(PlanError, match="abcdef123465") as caught:
        decide(store, FindingState.ACCEPTED, fingerprint="abcdef123465")
    assert "abcdef123456" in caught.value.why
    assert "releve findings" in caught.value.remedy
    with pytest.raises(PlanError):
        decide(store, FindingState.ACCEPTED, fingerprint="abcdef123456", host="shop")
    assert state_at(store, WEDNESDAY) is FindingState.OPEN


def test_noise_is_kept_as_it_was_learned_first(store: FindingStore, place: Place) -> None:
    aged = NoiseMark(
        FactKind.FILE, "/var/log/x.{rotation}", EVERY_ATTRIBUTE, general=True, learned_from="ageing"
    )
    twins = NoiseMark(FactKind.FILE, "/etc/machine-id", "content", learned_from="two twins")
    store.save_noise("blog", "image-1", iter([aged]))
    again = replace(aged, learned_from="reboot")
    store.save_noise("blog", "image-1", [again, twins, twins])
    store.save_noise("blog", "image-1", [])
    assert place.open()[1].read_noise("blog", "image-1") == {aged, twins}
    assert store.read_noise("blog", "image-2") == frozenset()
    assert store.read_noise("shop", "image-1") == frozenset()


def test_marks_that_differ_in_one_field_are_two(store: FindingStore) -> None:
    plain = NoiseMark(FactKind.FILE, "/var/lib/x", "mode")
    marks = {
        plain,
        replace(plain, attribute="owner"),
        replace(plain, key="/var/lib/y"),
        replace(plain, kind=FactKind.UNIT),
        replace(plain, general=True),
        replace(plain, values=("0600", "0644")),
    }
    store.save_noise("blog", "", marks)
    assert store.read_noise("blog", "") == marks
