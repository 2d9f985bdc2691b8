"""What every store of observed states must hold to; the fake, SQLite and PostgreSQL alike."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releve.drift.compare import compare
from releve.errors import JournalError, PlanError, Unreachable
from releve.model.observed import Fact, FactKind, ScanRole, sort_facts
from releve.ports.observed_store import MOST_CONTENT_BYTES, ObservedStore
from tests.store.facts import make_facts, record
from tests.store.places import PLACES, Place, make_place


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return make_place(request, tmp_path)


@pytest.fixture
def store(place: Place) -> ObservedStore:
    return place.open()[0]


def test_facts_come_back_whole_and_in_order(store: ObservedStore, place: Place) -> None:
    facts = sort_facts(
        [
            Fact(FactKind.NOT_CHECKED, "database", {"why": "no login"}),
            Fact(FactKind.USER, "ops", {"uid": "1001", "shell": "/bin/bash"}),
            *make_facts(3_000),
        ]
    )
    saved = store.save(record(), iter(facts))
    assert saved.facts == 3_002
    assert list(place.open()[0].read_facts("scan-1")) == facts


@pytest.mark.parametrize("changed", [0, 5, 2_999])
def test_only_what_both_have_alike_is_left_out(store: ObservedStore, changed: int) -> None:
    files = list(make_facts(3_000))
    other = [replace(files[changed], attributes={"mode": "0666"})]
    heads = [Fact(FactKind.USER, "ops", {"uid": uid}) for uid in ("1001", "1002")]
    store.save(record(), sort_facts([heads[0], *files]))
    store.save(
        record("scan-2"), sort_facts([heads[1], *files[:changed], *other, *files[changed + 1 :]])
    )
    read = [list(side) for side in store.read_differing("scan-2", "scan-1")]
    assert list(compare(read[0], read[1])) == list(
        compare(store.read_facts("scan-2"), store.read_facts("scan-1"))
    )
    assert all(len(side) < 3_001 for side in read)


def test_a_record_comes_back_with_everything(store: ObservedStore, place: Place) -> None:
    given_record = record(
        role=ScanRole.DEAD,
        run_id="run1",
        commit="c" * 40,
        fingerprint="f" * 64,
        base_image="image-7",
        offline=True,
        full=True,
        complete=False,
        seconds=1.25,
    )
    saved = store.save(given_record, make_facts(2))
    assert place.open()[0].read_record("scan-1") == saved
    assert saved.facts == 2


def test_a_scan_without_facts_is_a_scan(store: ObservedStore) -> None:
    assert store.save(record(), iter(())).facts == 0
    assert list(store.read_facts("scan-1")) == []


def test_an_error_of_the_iterator_leaves_nothing_behind(store: ObservedStore) -> None:
    def break_off() -> Iterator[Fact]:
        yield from make_facts(5_000)
        raise Unreachable("the connection was lost", remedy="Scan again")

    with pytest.raises(Unreachable, match="connection was lost"):
        store.save(record(), break_off())
    assert store.find_scans("blog") == ()
    with pytest.raises(PlanError):
        store.read_record("scan-1")
    assert store.save(record(), make_facts(10)).facts == 10


@pytest.mark.parametrize("wrong", ["twice", "backwards"])
def test_facts_out_of_order_are_refused(store: ObservedStore, wrong: str) -> None:
    first, second = make_facts(2)
    facts = [first, first] if wrong == "twice" else [second, first]
    with pytest.raises(ValueError, match="out of order or there twice"):
        store.save(record(), facts)
    assert store.find_scans("blog") == ()


def test_a_scan_is_never_overwritten(store: ObservedStore) -> None:
    store.save(record(), make_facts(5))
    with pytest.raises(JournalError, match="scan-1") as caught:
        store.save(record(host="shop"), make_facts(7))
    assert caught.value.remedy
    assert len(list(store.read_facts("scan-1"))) == 5
    assert store.read_record("scan-1").host == "blog"


def test_scans_are_found_newest_first_by_every_criterion(store: ObservedStore) -> None:
    for number, role in enumerate((ScanRole.LIVE, ScanRole.TWIN, ScanRole.LIVE)):
        taken_at = f"2026-11-2{number}T12:00:00Z"
        store.save(record(f"s{number}", role=role, run_id=f"r{number}", taken_at=taken_at), ())
    store.save(record("other", host="shop", fingerprint="f1"), ())
    store.save(record("late", taken_at="2026-11-22T14:30:00+03:00", fingerprint="f1"), ())

    def names(**criteria: object) -> list[str]:
        found = store.find_scans("blog", **criteria)  # type: ignore[arg-type] # by name
        return [one.scan_id for one in found]

    assert names() == ["s2", "late", "s1", "s0"], "by the moment, whatever its offset"
    assert names(role=ScanRole.LIVE) == ["s2", "late", "s0"]
    assert names(run_id="r1") == ["s1"]
    assert names(run_id="r1", role=ScanRole.LIVE) == []
    assert names(fingerprint="f1") == ["late"]
    assert names(limit=2) == ["s2", "late"]
    assert store.find_scans("nobody") == ()


def test_of_two_at_the_same_time_the_later_saved_is_newer(store: ObservedStore) -> None:
    for name in ("first", "second"):
        store.save(record(name), ())
    assert [one.scan_id for one in store.find_scans("blog")] == ["second", "first"]


def test_a_scan_that_is_not_there_names_near_ones(store: ObservedStore) -> None:
    store.save(record("abcdef123456"), ())
    for ask in (store.read_record, store.read_facts, store.delete_scan):
        with pytest.raises(PlanError) as caught:
            ask("abcdef123465")
        assert "abcdef123456" in caught.value.why
        assert "releve scan" in caught.value.remedy


def test_what_one_scan_forgets_another_keeps(store: ObservedStore) -> None:
    store.save(record("one"), make_facts(3_000))
    store.save(record("two"), make_facts(3_000, changed=frozenset({7})))
    store.delete_scan("one")
    assert list(store.read_facts("two")) == list(make_facts(3_000, changed=frozenset({7})))
    assert [one.scan_id for one in store.find_scans("blog")] == ["two"]
    store.save(record("one"), make_facts(3_000))
    assert list(store.read_facts("one")) == list(make_facts(3_000))


def test_contents_come_back_by_host_and_digest(store: ObservedStore, place: Place) -> None:
    body = bytes(range(256)) * 4_096
    assert len(body) == MOST_CONTENT_BYTES
    store.save_content("blog", "sha256:aa", body)
    store.save_content("shop", "sha256:aa", b"another host says so")
    store.save_content("blog", "sha256:empty", b"")
    later = place.open()[0]
    assert later.read_content("blog", "sha256:aa") == body
    assert later.read_content("shop", "sha256:aa") == b"another host says so"
    assert later.read_content("blog", "sha256:empty") == b""
    assert later.read_content("blog", "sha256:bb") is None


def test_a_content_saved_again_replaces_the_first(store: ObservedStore) -> None:
    """A digest is a host's claim: the newer answer counts, and nothing breaks."""
    store.save_content("blog", "hmac:aa", b"first")
    store.save_content("blog", "hmac:aa", b"second")
    assert store.read_content("blog", "hmac:aa") == b"second"


def test_a_content_over_the_bound_is_refused(store: ObservedStore) -> None:
    with pytest.raises(ValueError, match="1048577 bytes"):
        store.save_content("blog", "sha256:aa", b"x" * (MOST_CONTENT_BYTES + 1))
    assert store.read_content("blog", "sha256:aa") is None


def test_a_content_outlives_the_scans(store: ObservedStore) -> None:
    store.save(record(), make_facts(3))
    store.save_content("blog", "sha256:aa", b"body")
    store.delete_scan("scan-1")
    assert store.read_content("blog", "sha256:aa") == b"body"


def test_each_host_has_its_own_lasting_secret(store: ObservedStore, place: Place) -> None:
    blog, shop = store.secret_for("blog"), store.secret_for("shop")
    assert len(blog) == len(shop) == 32
    assert blog != shop
    assert place.open()[0].secret_for("blog") == blog


def test_scans_saved_side_by_side_are_all_whole(store: ObservedStore, place: Place) -> None:
    """They share chunks, and others delete some at the same time."""
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            own = place.open()[0]
            for number in range(4):
                own.save(record(f"{name}-{number}"), make_facts(1_500))
                if number % 2:
                    own.delete_scan(f"{name}-{number}")
        except BaseException as error:  # noqa: BLE001 - told by the thread that asserts
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    kept = {one.scan_id for one in store.find_scans("blog")}
    assert kept == {f"{name}-{number}" for name in "abc" for number in (0, 2)}
    for name in kept:
        assert list(store.read_facts(name)) == list(make_facts(1_500))


texts = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=30)
plain_facts = st.builds(
    Fact,
    kind=st.sampled_from(FactKind),
    key=texts,
    attributes=st.dictionaries(texts, texts, max_size=3),
    evidence=st.dictionaries(texts, texts, max_size=2),
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(facts=st.lists(plain_facts, max_size=12, unique_by=lambda fact: fact.order))
def test_any_text_of_a_host_survives(store: ObservedStore, facts: list[Fact]) -> None:
    """Bytes that are no UTF-8, lone surrogates, NUL and line breaks included."""
    ordered = sort_facts(facts)
    for scan in store.find_scans("blog"):
        store.delete_scan(scan.scan_id)
    store.save(record(), ordered)
    assert list(store.read_facts("scan-1")) == ordered
