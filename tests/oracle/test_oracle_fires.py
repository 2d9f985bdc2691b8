"""Each invariant's check fires on a violation made by hand, and stays silent without one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from releve.errors import ProviderError, Refused
from releve.model.identity import instance_name, snapshot_name
from releve.model.resources import Address, HostKey, InstanceRequest, Labels, Role
from releve.ports.access import Door
from tests.fakes.access import AUTHORIZED_KEY, FakeAccess
from tests.fakes.clock import FakeClock
from tests.fakes.cloud_file import Actor
from tests.fakes.cloud_state import Habits
from tests.fakes.provider import FakeProvider
from tests.fakes.world import ADDRESS, HOST, MOUNTS, World, make_world
from tests.oracle.oracle import Oracle

RUN = "abcdefghijkl"
HABITS = Habits(names_are_unique=False)


class ByHand:
    """A recovery that the test carries out itself, act by act."""

    def __init__(self, directory: Path) -> None:
        self.clock = FakeClock()
        self.world: World = make_world(
            directory / "cloud.db", clock=self.clock, habits=HABITS, oracle=Oracle()
        )
        self.cloud = self.world.cloud
        self.provider = FakeProvider(self.cloud, actor=Actor("controller", RUN, 1))
        self.old = self.world.old

    def labels(self, role: Role = Role.CANDIDATE, *, run: str = RUN, expires: str = "") -> Labels:
        return Labels(host=HOST, run=run, epoch=1, role=role, expires=expires)

    def fence(self) -> None:
        self.provider.stop_instance(self.old)
        self.clock.sleep(10)
        self.provider.get_instance(self.old)
        self.provider.lock_instance(self.old)
        self.provider.isolate_instance(self.old)

    def create(self, *, run: str = RUN) -> str:
        request = InstanceRequest(
            name=instance_name(HOST, RUN),
            image_id="image-base",
            size="small",
            network="private",
            labels=self.labels(run=run),
            authorized_keys=(AUTHORIZED_KEY,),
        )
        before = set(self.cloud.state().instances)
        self.provider.create_instance(request)
        self.clock.sleep(10)
        return (set(self.cloud.state().instances) - before).pop()

    def create_twin(self, role: Role = Role.TWIN) -> str:
        request = InstanceRequest(
            name=f"{role.value}-{RUN}",
            image_id="image-base",
            size="small",
            network="private",
            labels=self.labels(role),
            authorized_keys=(AUTHORIZED_KEY,),
            isolated=True,
        )
        before = set(self.cloud.state().instances)
        self.provider.create_instance(request)
        self.clock.sleep(10)
        return (set(self.cloud.state().instances) - before).pop()

    def snapshot(self) -> None:
        for volume in self.world.volumes.values():
            self.provider.snapshot_volume(volume, name=snapshot_name(RUN), labels=self.labels())
        self.clock.sleep(5)

    def move_volumes(self, new: str) -> None:
        for name, volume in self.world.volumes.items():
            self.provider.detach_volume(volume, self.old)
            self.clock.sleep(5)
            self.provider.attach_volume(volume, new, mount_point=MOUNTS[name])
            self.clock.sleep(5)

    def mount(self, new: str, *, mode: str = "rw") -> None:
        for volume in self.world.volumes.values():
            arguments = {"volume_id": volume, "instance_id": new, "mode": mode, "replay": True}
            self.cloud.change_beside("mount_in_guest", arguments, kind="guest")

    def door(self, instance_id: str) -> Door:
        address = self.provider.get_instance(instance_id).private_address
        keys = self.provider.read_host_keys(instance_id)
        return Door(address, 22, "root", keys, known_as=instance_id)

    def check(self, new: str, *, passed: bool = True) -> None:
        arguments = {"vantage": "instance", "instance_id": new, "passed": passed}
        self.cloud.note("run_checks", arguments, kind="check")

    def cut_over(self, new: str) -> None:
        self.provider.move_address(ADDRESS, new, expected=self.provider.get_address(ADDRESS))

    def quarantine(self) -> None:
        labels = self.labels(Role.QUARANTINED, expires="2027-01-01T00:00:00+00:00")
        self.provider.label_instance(self.old, labels)

    def close(self) -> None:
        self.cloud.note("closed", {"run": RUN}, kind="closed")

    def recover(self) -> str:
        self.fence()
        new = self.create()
        self.snapshot()
        self.move_volumes(new)
        self.mount(new)
        self.check(new)
        self.cut_over(new)
        self.quarantine()
        self.close()
        return new

    def broken(self) -> set[str]:
        return {sentence.split()[0] for sentence in self.world.oracle.check_all(self.cloud)}

    def seen_at_once(self) -> set[str]:
        return {name for _, name, _ in self.cloud.file.read_violations()}


@pytest.fixture
def by_hand(tmp_path: Path) -> Iterator[ByHand]:
    hand = ByHand(tmp_path)
    yield hand
    assert hand.seen_at_once() == hand.broken(), "after the effect and on demand say the same"
    hand.cloud.close()


def test_a_right_recovery_is_clean(by_hand: ByHand) -> None:
    by_hand.recover()
    by_hand.world.oracle.assert_clean(by_hand.cloud)


def test_a_violation_raises(by_hand: ByHand) -> None:
    by_hand.create()
    by_hand.create()
    with pytest.raises(AssertionError, match="I1 "):
        by_hand.world.oracle.assert_clean(by_hand.cloud)


def test_i1_two_instances_and_i8_the_effect_twice(by_hand: ByHand) -> None:
    by_hand.create()
    by_hand.create()
    assert by_hand.broken() == {"I1", "I8"}


def test_i1_allows_one_replacement_of_what_ended_in_error(by_hand: ByHand) -> None:
    first = by_hand.create()
    with by_hand.cloud.file.transaction():
        state = by_hand.cloud.file.load()
        state.instances[first].state = "ERROR"
        by_hand.cloud.file.save(state)
    by_hand.create()
    assert "I1" not in {name for _, name, _ in by_hand.cloud.file.read_violations()}


def test_i1_two_snapshots_of_one_volume(by_hand: ByHand) -> None:
    by_hand.fence()
    by_hand.snapshot()
    by_hand.snapshot()
    assert by_hand.broken() == {"I1", "I8"}


def test_i1_two_ports(by_hand: ByHand) -> None:
    for name in ("one", "two"):
        by_hand.provider.create_port(name=name, network="private", labels=by_hand.labels())
    assert by_hand.broken() == {"I1"}


def test_i2_the_source_still_runs(by_hand: ByHand) -> None:
    new = by_hand.create()
    by_hand.check(new)
    by_hand.cut_over(new)
    assert by_hand.broken() == {"I2"}


def test_i2_the_target_passed_no_check(by_hand: ByHand) -> None:
    by_hand.fence()
    by_hand.cut_over(by_hand.create())
    assert by_hand.broken() == {"I2"}


def test_i2_the_targets_last_check_failed(by_hand: ByHand) -> None:
    by_hand.fence()
    new = by_hand.create()
    by_hand.check(new)
    by_hand.check(new, passed=False)
    by_hand.cut_over(new)
    assert by_hand.broken() == {"I2"}


def test_i3_taken_from_an_instance_that_runs(by_hand: ByHand) -> None:
    by_hand.provider.detach_volume(by_hand.world.volumes["data"], by_hand.old)
    assert by_hand.broken() == {"I3"}


def test_i3_taken_while_the_task_word_is_still_there(by_hand: ByHand) -> None:
    by_hand.provider.stop_instance(by_hand.old)
    by_hand.clock.sleep(HABITS.stop_seconds)
    assert by_hand.provider.get_instance(by_hand.old).busy
    by_hand.provider.detach_volume(by_hand.world.volumes["data"], by_hand.old)
    assert by_hand.broken() == {"I3"}


def test_i3_taken_without_reading_the_fence_back(by_hand: ByHand) -> None:
    by_hand.provider.stop_instance(by_hand.old)
    by_hand.clock.sleep(10)
    by_hand.provider.detach_volume(by_hand.world.volumes["data"], by_hand.old)
    assert by_hand.broken() == {"I3"}


def test_i3_on_two_instances(by_hand: ByHand) -> None:
    with by_hand.cloud.file.transaction():
        state = by_hand.cloud.file.load()
        state.volumes[by_hand.world.volumes["data"]].attached_to.append("instance-elsewhere")
        by_hand.cloud.file.save(state)
    by_hand.provider.lock_instance(by_hand.old)
    assert by_hand.seen_at_once() == {"I3"}


@pytest.mark.parametrize("run", ["", "someoneelse1"])
def test_i4_born_without_its_run(by_hand: ByHand, run: str) -> None:
    by_hand.create(run=run)
    assert by_hand.broken() == {"I4"}


def test_i4_a_create_before_its_intent(tmp_path: Path) -> None:
    oracle = Oracle(read_events=lambda _run: ())
    by_hand = ByHand(tmp_path)
    by_hand.cloud.watch = oracle.watch
    by_hand.create()
    assert by_hand.seen_at_once() == {"I4"}


def test_i5_mounted_before_any_snapshot(by_hand: ByHand) -> None:
    by_hand.fence()
    new = by_hand.create()
    by_hand.move_volumes(new)
    by_hand.mount(new)
    assert by_hand.broken() == {"I5"}


def test_i5_a_plain_ro_mount_replays_the_journal(by_hand: ByHand) -> None:
    by_hand.fence()
    by_hand.snapshot()
    new = by_hand.create()
    by_hand.move_volumes(new)
    by_hand.mount(new, mode="ro")
    assert by_hand.broken() == {"I5"}


def test_i7_something_vanished(by_hand: ByHand) -> None:
    arguments = {"table": "volumes", "key": by_hand.world.volumes["data"]}
    by_hand.cloud.change_beside("delete_resource", arguments, kind="act")
    assert by_hand.broken() == {"I7"}


def test_i7_a_person_may_delete(by_hand: ByHand) -> None:
    by_hand.cloud.as_person("delete_resource", table="volumes", key=by_hand.world.volumes["data"])
    assert by_hand.broken() == set()


def test_i8_the_same_stop_twice_is_seen_where_it_took_effect_twice(by_hand: ByHand) -> None:
    by_hand.fence()
    by_hand.cloud.as_person("start_by_hand", instance_id=by_hand.old)
    by_hand.provider.stop_instance(by_hand.old)
    assert by_hand.broken() == {"I8"}


def test_i8_a_refused_act_is_no_effect(by_hand: ByHand) -> None:
    by_hand.fence()
    with pytest.raises(ProviderError):
        by_hand.provider.stop_instance(by_hand.old)
    assert by_hand.broken() == set()


def test_i9_three_instances(by_hand: ByHand) -> None:
    for _ in range(3):
        by_hand.create()
    assert by_hand.broken() == {"I1", "I8", "I9"}


def test_i11_a_host_key_that_the_provider_never_showed(by_hand: ByHand) -> None:
    new = by_hand.create()
    address = by_hand.provider.get_instance(new).private_address
    key = by_hand.cloud.state().instances[new].host_keys[0]
    door = Door(address, 22, "root", (HostKey(*key),), known_as=new)
    FakeAccess(by_hand.cloud).try_login(door, timeout_seconds=5)
    assert by_hand.broken() == {"I11"}


def test_i11_a_proven_door_is_clean(by_hand: ByHand) -> None:
    new = by_hand.create()
    FakeAccess(by_hand.cloud).try_login(by_hand.door(new), timeout_seconds=5)
    assert by_hand.broken() == set()


def test_i13_it_leaves_quarantine_after_the_close(by_hand: ByHand) -> None:
    by_hand.recover()
    by_hand.cloud.as_person("start_by_hand", instance_id=by_hand.old)
    assert by_hand.broken() == {"I13"}


def test_i13_closed_without_quarantine(by_hand: ByHand) -> None:
    by_hand.fence()
    by_hand.close()
    assert by_hand.broken() == {"I13"}


def test_i13_every_leak_is_named(by_hand: ByHand) -> None:
    labels = by_hand.labels(Role.QUARANTINED)
    by_hand.provider.label_instance(by_hand.old, labels)
    by_hand.close()
    leaks = "\n".join(by_hand.world.oracle.check_all(by_hand.cloud))
    for leak in ("RUNNING", "not locked", "network", "data volume", "public address", "for ever"):
        assert leak in leaks


def test_the_world_refuses_an_unexpected_address(by_hand: ByHand) -> None:
    with pytest.raises(ProviderError):
        by_hand.provider.move_address(ADDRESS, "", expected=Address(ADDRESS, "other"))
    assert by_hand.broken() == set()


def test_i7_a_twin_may_be_deleted_by_its_run(by_hand: ByHand) -> None:
    twin = by_hand.create_twin()
    by_hand.provider.stop_instance(twin)
    by_hand.clock.sleep(10)
    by_hand.provider.delete_instance(twin)
    by_hand.clock.sleep(10)
    assert by_hand.broken() == set()
    assert twin not in by_hand.cloud.state().instances


def test_i7_a_twin_deleted_by_another_run(by_hand: ByHand) -> None:
    twin = by_hand.create_twin()
    other = FakeProvider(by_hand.cloud, actor=Actor("controller", "zyxwvutsrqpo", 1))
    other.stop_instance(twin)
    by_hand.clock.sleep(10)
    other.delete_instance(twin)
    assert by_hand.broken() == {"I7"}


def test_i7_a_label_is_what_makes_it_deletable(by_hand: ByHand) -> None:
    """The fake refuses it: only a cloud that let it pass could show it."""
    by_hand.fence()
    with pytest.raises(Refused):
        by_hand.provider.delete_instance(by_hand.old)
    arguments = {"table": "instances", "key": by_hand.old}
    by_hand.cloud.change_beside("delete_resource", arguments, kind="act")
    assert by_hand.broken() == {"I7"}


def test_i7_a_volume_of_a_twin_may_go_and_another_s_may_not(by_hand: ByHand) -> None:
    labels = by_hand.labels(Role.TWIN)
    by_hand.provider.clone_volume(by_hand.world.volumes["data"], name="clone", labels=labels)
    by_hand.clock.sleep(5)
    (clone,) = by_hand.provider.find_volumes({"releve.run": RUN})
    by_hand.provider.delete_volume(clone.id)
    by_hand.clock.sleep(5)
    assert by_hand.broken() == set()
    with pytest.raises(Refused):
        by_hand.provider.delete_volume(by_hand.world.volumes["data"])


def test_i1_a_second_clone_of_the_same_name(by_hand: ByHand) -> None:
    labels = by_hand.labels(Role.TWIN)
    for _ in range(2):
        by_hand.provider.clone_volume(by_hand.world.volumes["data"], name="clone", labels=labels)
    assert by_hand.broken() == {"I1", "I8"}


def test_i20_a_quarantined_host_is_started_while_its_disk_is_read(by_hand: ByHand) -> None:
    helper = by_hand.create_twin(Role.HELPER)
    by_hand.provider.stop_instance(by_hand.old)
    by_hand.clock.sleep(10)
    by_hand.provider.attach_system_disk(by_hand.old, helper, mount_point="/dead")
    assert by_hand.broken() == set()
    by_hand.provider.start_instance(by_hand.old)
    assert by_hand.broken() == {"I20"}
