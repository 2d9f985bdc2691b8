"""Scans of a host: by which door, what is refused, and what is new since the last one."""

from pathlib import Path

import pytest

from releve.adapters.this_machine import ThisMachine
from releve.errors import PlanError, Unreachable
from releve.model.observed import FactKind, ScanRecord, ScanRole
from releve.plan.loading import load_plan
from releve.ports.outside import Outside
from releve.recovery.scan_of_host import DeadScan, scan_dead_root, scan_live, summarise
from tests.fakes.cloud import FakeCloud
from tests.fakes.observed_store import FakeObservedStore
from tests.plan.broken_plans import GOOD, BrokenPlan
from tests.plan.cloud_of_the_good_plan import make_cloud, make_outside
from tests.scan.dead_root import make_root, write
from tests.scan.local_access import require_root
from tests.store.facts import make_facts, record

HOST = "web.example.org"
PLAN = load_plan(GOOD / "releve.yml").host(HOST)


@pytest.fixture
def cloud(tmp_path: Path) -> FakeCloud:
    return make_cloud(tmp_path)


@pytest.fixture
def outside(cloud: FakeCloud, tmp_path: Path) -> Outside:
    return make_outside(cloud, BrokenPlan(name="", says=""), state=tmp_path / "state")


def test_a_live_host_is_read_through_a_proven_door(outside: Outside, cloud: FakeCloud) -> None:
    saved = scan_live(HOST, PLAN, outside, full=False)
    (instance,) = cloud.state().instances.values()
    doors = [row.arguments["door"] for row in cloud.history() if row.call == "connect"]
    assert doors
    assert instance.id in str(doors[0])
    assert saved.instance_id == instance.id
    assert outside.observed.find_scans(HOST) == (saved,)


def test_a_stopped_host_is_not_knocked_at(outside: Outside, cloud: FakeCloud) -> None:
    (instance,) = cloud.state().instances
    outside.provider.stop_instance(instance)
    with pytest.raises(Unreachable, match="cannot be scanned") as caught:
        scan_live(HOST, PLAN, outside, full=False)
    assert "--root" in caught.value.remedy
    assert [row for row in cloud.history() if row.call == "connect"] == []


def scan(root: Path, store: FakeObservedStore, at: str) -> ScanRecord:
    request = DeadScan(user="root", at=at)
    return scan_dead_root("blog", root, access=ThisMachine(), store=store, request=request)


@pytest.mark.real
def test_a_dead_root_is_read_and_what_is_new_is_told(tmp_path: Path) -> None:
    require_root()
    root, store = make_root(tmp_path / "root"), FakeObservedStore()
    first = scan(root, store, "2026-11-23T12:00:00+00:00")
    assert (first.role, first.offline, first.complete) == (ScanRole.DEAD, True, True)
    summary = summarise(first, store)
    assert summary.counts[FactKind.USER] == 2
    assert sum(summary.counts.values()) == first.facts
    assert {spot.key for spot in summary.blind_spots} >= {"process", "/proc"}
    assert summary.changes is None
    write(root / "etc/by-hand", "x")
    again = summarise(scan(root, store, "2026-11-24T12:00:00+00:00"), store)
    assert again.changes is not None
    assert again.changes.since == first
    assert {item.key for item in again.changes.listed} >= {"/etc/by-hand"}
    assert again.changes.count == len(again.changes.listed)


def test_changes_are_since_the_last_whole_scan_of_the_same_depth() -> None:
    store = FakeObservedStore()
    days = [f"2026-11-2{day}T12:00:00+00:00" for day in range(5)]
    store.save(record("a", taken_at=days[0]), make_facts(10))
    store.save(record("cut", taken_at=days[1], complete=False), make_facts(2))
    store.save(record("full", taken_at=days[2], full=True), make_facts(10))
    store.save(record("dead", taken_at=days[3], role=ScanRole.DEAD), make_facts(10))
    changed = frozenset({3, 4})
    newest = store.save(record("b", taken_at=days[4]), make_facts(12, changed=changed))
    changes = summarise(newest, store).changes
    assert changes is not None
    assert changes.since.scan_id == "a"
    assert changes.count == 4


@pytest.mark.parametrize("wrong", ["missing", "/", "file", "empty"])
def test_what_is_no_dead_root_is_refused(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    store = FakeObservedStore()
    with pytest.raises(PlanError) as caught:
        scan(Path("/") if wrong == "/" else tmp_path / wrong, store, "2026-11-23T12:00:00+00:00")
    assert "mounted" in caught.value.remedy
    assert store.find_scans("blog") == ()
