"""What every store of incidents must hold to; the fake, SQLite and PostgreSQL alike."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releve.adapters.store import open_incident_store
from releve.adapters.store.incident_schema import metadata
from releve.adapters.store.incidents import SqlIncidentStore
from releve.errors import PlanError
from releve.model.incident import (
    Approval,
    Incident,
    IncidentEvent,
    IncidentEventKind,
    IncidentState,
    Pause,
)
from releve.model.verdict import Cause, HostState, Testimony, Verdict, Witness
from releve.ports.incident_store import IncidentStore
from tests.fakes.incident_store import FakeIncidentStore
from tests.postgres import PostgresServer
from tests.store.places import PLACES

NOON = datetime(2026, 11, 26, 12, 0, 0, 123456, tzinfo=UTC)
HOSTILE = "EXT4-fs error \0 \x1b[2J \udcff <script>…"
VERDICT = Verdict(
    state=HostState.CRASHED,
    cause=Cause.FILESYSTEM_ERROR,
    reason="root / on vda1 cannot be written",
    confirmed=True,
    testimonies=(
        Testimony(Witness.WRITE, "EROFS at /"),
        Testimony(Witness.KERNEL, "EXT4-fs error (device vda1)"),
    ),
    subject="/",
)

Open = Callable[[], IncidentStore]  # each time the same store, as a further process would


@pytest.fixture(scope="module")
def on_postgres(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """One database for all tests here: making one takes longer than most of them."""
    url, state = postgres.new_database(), tmp_path_factory.mktemp("state")
    return lambda: open_incident_store(state, url)


def empty(store: SqlIncidentStore) -> None:
    tables = reversed(metadata.sorted_tables)
    store._database.transact(lambda to: [to.execute(table.delete()) for table in tables])


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    if request.param == "fake":
        fake = FakeIncidentStore()
        return lambda: fake
    if request.param == "sqlite":
        return lambda: open_incident_store(tmp_path / "state")
    opened: Open = request.getfixturevalue("on_postgres")
    store = opened()
    assert isinstance(store, SqlIncidentStore)
    empty(store)
    return opened


@pytest.fixture
def store(place: Open) -> IncidentStore:
    return place()


def incident(number: int = 1, **changes: object) -> Incident:
    plain = Incident(
        incident_id=f"i-20261126-12000{number}-blog",
        host="blog",
        state=IncidentState.OPEN,
        verdict=VERDICT,
        opened_at=NOON + timedelta(seconds=number),
    )
    return replace(plain, **changes)  # type: ignore[arg-type] # fields by name


def event(second: int = 0, **changes: object) -> IncidentEvent:
    plain = IncidentEvent(
        incident_id=incident().incident_id,
        kind=IncidentEventKind.OPENED,
        at=NOON + timedelta(seconds=second),
        text="it began",
        data={"run_id": "r1", "count": 3, "list": ["a", None]},
    )
    return replace(plain, **changes)  # type: ignore[arg-type] # fields by name


def approval(**changes: object) -> Approval:
    plain = Approval(
        incident_id=incident().incident_id,
        host="blog",
        fingerprint="f" * 64,
        by="anna",
        at=NOON,
        expires=NOON + timedelta(hours=1),
    )
    return replace(plain, **changes)  # type: ignore[arg-type] # fields by name


def pause(host: str, until: datetime | None = None) -> Pause:
    return Pause(host, by="anna", reason="works on the power", at=NOON, until=until)


def test_an_incident_and_its_events_come_back_whole(store: IncidentStore, place: Open) -> None:
    whole = incident(
        state=IncidentState.CLEARED,
        confirmed_at=NOON + timedelta(seconds=4),
        cleared_at=NOON + timedelta(minutes=9),
        run_ids=("r1", "r2"),
        next_action="nothing is left to do",
    )
    store.save(whole, event(0), event(1, kind=IncidentEventKind.CONFIRMED, data={}))
    again = place()
    assert again.read(whole.incident_id) == whole
    assert again.read_events(whole.incident_id) == (
        event(0),
        event(1, kind=IncidentEventKind.CONFIRMED, data={}),
    )
    assert again.read_events("i-of-nobody") == ()


def test_a_change_replaces_the_incident_and_adds_its_event(store: IncidentStore) -> None:
    store.save(incident(), event(0))
    changed = incident(state=IncidentState.CONFIRMED, confirmed_at=NOON)
    store.save(changed, event(5, kind=IncidentEventKind.CONFIRMED))
    store.save(changed)
    assert store.read(changed.incident_id) == changed
    assert [one.kind for one in store.read_events(changed.incident_id)] == [
        IncidentEventKind.OPENED,
        IncidentEventKind.CONFIRMED,
    ]


def test_the_same_event_twice_is_once(store: IncidentStore, place: Open) -> None:
    store.save(incident(), event(0), event(0))
    place().save(incident(), event(0))
    place().record(event(0), event(0, text="something else at the same moment"))
    assert [one.text for one in store.read_events(incident().incident_id)] == [
        "it began",
        "something else at the same moment",
    ]


def test_events_are_told_oldest_first_whoever_wrote_them(store: IncidentStore) -> None:
    store.save(incident(), event(7))
    store.record(event(3, kind=IncidentEventKind.APPROVED), event(9), event(8))
    times = [one.at for one in store.read_events(incident().incident_id)]
    assert times == [NOON + timedelta(seconds=second) for second in (3, 7, 8, 9)]


def test_an_event_leaves_the_incident_as_it_is(store: IncidentStore) -> None:
    store.save(incident(state=IncidentState.CLEARED))
    store.record(event(1, kind=IncidentEventKind.APPROVED))
    assert store.read(incident().incident_id).state is IncidentState.CLEARED


def test_newest_incidents_are_first_and_can_be_chosen(store: IncidentStore) -> None:
    shop = incident(3, incident_id="i-shop", host="shop")
    over = incident(2, state=IncidentState.CLEARED)
    for one in (incident(1), shop, over):
        store.save(one)
    assert store.list_incidents() == (shop, over, incident(1))
    assert store.list_incidents(limit=2) == (shop, over)
    assert store.list_incidents(host="blog") == (over, incident(1))
    assert store.list_incidents(host="blog", only_open=True) == (incident(1),)
    assert store.list_incidents(only_open=True, limit=1) == (shop,)
    assert store.list_incidents(host="nobody") == ()


def test_one_that_is_not_there_names_near_ones(store: IncidentStore) -> None:
    store.save(incident())
    with pytest.raises(PlanError, match="i-20261126-120010-blog") as caught:
        store.read("i-20261126-120010-blog")
    assert incident().incident_id in caught.value.why
    assert "releve incidents" in caught.value.remedy


def test_an_approval_is_used_once(store: IncidentStore, place: Open) -> None:
    assert store.find_approval(approval().incident_id) is None
    store.approve(approval())
    assert place().find_approval(approval().incident_id) == approval()
    assert place().use_approval(approval())
    assert not store.use_approval(approval())
    assert store.find_approval(approval().incident_id) is None


def test_a_later_approval_replaces_the_earlier_one(store: IncidentStore) -> None:
    later = approval(at=NOON + timedelta(minutes=1), fingerprint="e" * 64, by="bert")
    store.approve(approval())
    store.approve(later)
    assert not store.use_approval(approval())
    assert store.find_approval(later.incident_id) == later
    assert store.use_approval(later)


def test_a_used_approval_can_be_given_anew(store: IncidentStore) -> None:
    store.approve(approval())
    assert store.use_approval(approval())
    store.approve(approval(at=NOON + timedelta(minutes=1)))
    assert store.use_approval(approval(at=NOON + timedelta(minutes=1)))


def test_only_the_very_approval_can_be_used(store: IncidentStore) -> None:
    store.approve(approval())
    for other in (
        approval(fingerprint="0" * 64),
        approval(by="mallory"),
        approval(host="shop"),
        approval(expires=NOON + timedelta(days=1)),
        approval(incident_id="i-other"),
    ):
        assert not store.use_approval(other)
    assert store.find_approval(approval().incident_id) == approval()


def test_of_many_at_once_exactly_one_uses_it(store: IncidentStore, place: Open) -> None:
    store.approve(approval())
    stores = [place() for _ in range(8)]
    start = threading.Barrier(len(stores))
    won: list[bool] = []

    def use(mine: IncidentStore) -> None:
        start.wait()
        won.append(mine.use_approval(approval()))

    threads = [threading.Thread(target=use, args=(one,)) for one in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(won) == [False] * 7 + [True]


def test_a_pause_holds_until_its_time(store: IncidentStore, place: Open) -> None:
    short, everybody = pause("blog", NOON + timedelta(hours=1)), pause("")
    store.pause(short)
    store.pause(everybody)
    assert place().list_pauses(now=NOON) == (everybody, short)
    assert store.list_pauses(now=NOON + timedelta(hours=1)) == (everybody,)


def test_a_pause_replaces_that_of_the_same_host_and_ends_once(store: IncidentStore) -> None:
    store.pause(pause("blog", NOON + timedelta(hours=1)))
    store.pause(pause("blog"))
    store.pause(pause("shop"))
    assert store.list_pauses(now=NOON + timedelta(days=99)) == (pause("blog"), pause("shop"))
    assert store.end_pause("blog")
    assert not store.end_pause("blog")
    assert not store.end_pause("")
    assert store.list_pauses(now=NOON) == (pause("shop"),)


def test_text_of_a_host_does_no_harm(store: IncidentStore, place: Open) -> None:
    verdict = replace(VERDICT, reason=HOSTILE, testimonies=(Testimony(Witness.KERNEL, HOSTILE),))
    store.save(incident(verdict=verdict, next_action=HOSTILE), event(text=HOSTILE))
    read = place().read(incident().incident_id)
    assert "<script>…" in read.verdict.reason
    assert "<script>…" in read.verdict.testimonies[0].text
    (told,) = place().read_events(incident().incident_id)
    assert "<script>…" in told.text


def test_local_times_are_the_same_moments(store: IncidentStore) -> None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - the one test that needs it

    paris = NOON.astimezone(ZoneInfo("Europe/Paris"))
    store.approve(approval(at=paris))
    assert store.use_approval(approval())
