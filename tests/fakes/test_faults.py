"""Each fault of the fake cloud does what the fault matrix says it injects."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from releve.errors import Busy, Malformed, Missing, ProviderError, RateLimited, Refused, Unavailable
from releve.model.resources import InstanceRequest, Labels, Power, Role
from tests.fakes.access import AUTHORIZED_KEY
from tests.fakes.clock import FakeClock
from tests.fakes.cloud import FakeCloud
from tests.fakes.cloud_state import Habits
from tests.fakes.faults import CANARY, FOREVER, Fault, count_fired
from tests.fakes.provider import FakeProvider
from tests.fakes.world import World, make_world
from tests.oracle.oracle import Oracle

LABELS = Labels(host="web.example.org", run="abcdefghijkl", epoch=1, role=Role.CANDIDATE)
REQUEST = InstanceRequest("web-1", "image-base", "small", "private", LABELS, (AUTHORIZED_KEY,))


class Cloud:
    def __init__(self, directory: Path) -> None:
        self.clock = FakeClock()
        habits = Habits(names_are_unique=False)
        path = directory / "cloud.db"
        self.world: World = make_world(path, clock=self.clock, habits=habits, oracle=Oracle())
        self.cloud: FakeCloud = self.world.cloud
        self.provider = FakeProvider(self.cloud)

    def arm(self, call: str, kind: str, **more: object) -> None:
        self.cloud.arm(Fault(call, kind, **more))  # type: ignore[arg-type]  # the test's own words

    def create_refused(self) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            self.provider.create_instance(REQUEST)
        return caught.value

    def made(self) -> int:
        return len(self.provider.find_instances(name=REQUEST.name))


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    opened = Cloud(tmp_path)
    yield opened
    opened.cloud.close()


@pytest.mark.parametrize(
    ("kind", "error", "made"),
    [
        ("timeout_done", Unavailable, 1),
        ("timeout_not_done", Unavailable, 0),
        ("reset_done", Unavailable, 1),
        ("http_5xx", Unavailable, 0),
        ("rate_limited", RateLimited, 0),
        ("busy", Busy, 0),
        ("quota", Refused, 0),
        ("missing", Missing, 0),
        ("malformed", Malformed, 0),
    ],
)
def test_an_act_fails_with_or_without_its_effect(
    cloud: Cloud, kind: str, error: type[ProviderError], made: int
) -> None:
    cloud.arm("create_instance", kind)
    raised = cloud.create_refused()
    assert type(raised) is error
    assert raised.remedy
    assert CANARY in str(raised.__cause__), "as a vendor's exception would"
    assert CANARY not in str(raised)
    assert cloud.made() == made


def test_a_malformed_reply_to_what_was_applied(cloud: Cloud) -> None:
    cloud.arm("create_instance", "malformed", applied=True)
    assert isinstance(cloud.create_refused(), Malformed)
    assert cloud.made() == 1


def test_only_the_named_occurrences_fail(cloud: Cloud) -> None:
    cloud.arm("create_instance", "busy", occurrence=2, times=2)
    cloud.provider.create_instance(REQUEST)
    for _ in range(2):
        assert isinstance(cloud.create_refused(), Busy)
    cloud.provider.create_instance(REQUEST)
    assert count_fired(cloud.cloud.file) == 2


def test_only_the_named_arguments_fail(cloud: Cloud) -> None:
    first, second, _third = cloud.world.volumes.values()
    cloud.arm("get_volume", "http_5xx", where={"volume_id": second})
    assert cloud.provider.get_volume(first).id == first
    with pytest.raises(Unavailable):
        cloud.provider.get_volume(second)


def test_a_time_out_takes_its_time(cloud: Cloud) -> None:
    cloud.arm("get_volume", "timeout_not_done", seconds=30)
    before = cloud.clock.monotonic()
    with pytest.raises(Unavailable):
        cloud.provider.get_volume(cloud.world.volumes["data"])
    assert cloud.clock.monotonic() - before >= 30


def test_one_401_is_answered_by_a_new_login(cloud: Cloud) -> None:
    cloud.arm("create_instance", "unauthorized", times=1)
    cloud.provider.create_instance(REQUEST)
    assert cloud.made() == 1


def test_a_401_for_ever_is_refused(cloud: Cloud) -> None:
    cloud.arm("create_instance", "unauthorized", times=FOREVER)
    assert isinstance(cloud.create_refused(), Refused)
    assert cloud.made() == 0


@pytest.mark.parametrize("after", [None, 5.0, 1e9])
def test_a_rate_limit_says_how_long(cloud: Cloud, after: float | None) -> None:
    cloud.arm("create_instance", "rate_limited", retry_after=after)
    raised = cloud.create_refused()
    assert isinstance(raised, RateLimited)
    assert raised.retry_after_seconds == after


def test_a_stale_list_hides_what_was_made_but_not_from_its_id(cloud: Cloud) -> None:
    cloud.arm("create_instance", "stale_list", seconds=30)
    cloud.provider.create_instance(REQUEST)
    (made,) = set(cloud.cloud.state().instances) - {cloud.world.old}
    assert cloud.made() == 0
    assert cloud.provider.get_instance(made).id == made
    cloud.clock.sleep(31)
    assert cloud.made() == 1


def test_a_stale_get_shows_the_state_before_the_act(cloud: Cloud) -> None:
    cloud.arm("stop_instance", "stale_list", seconds=30)
    cloud.provider.stop_instance(cloud.world.old)
    cloud.clock.sleep(10)
    assert cloud.provider.get_instance(cloud.world.old).power is Power.RUNNING
    cloud.clock.sleep(21)
    assert cloud.provider.get_instance(cloud.world.old).power is Power.STOPPED


def test_accepted_then_error(cloud: Cloud) -> None:
    cloud.arm("create_instance", "goes_error")
    cloud.provider.create_instance(REQUEST)
    cloud.clock.sleep(10)
    (made,) = cloud.provider.find_instances(name=REQUEST.name)
    assert made.power is Power.ERROR


def test_accepted_then_stuck(cloud: Cloud) -> None:
    volume = cloud.world.volumes["data"]
    cloud.arm("detach_volume", "stuck")
    cloud.provider.detach_volume(volume, cloud.world.old)
    cloud.clock.sleep(1e6)
    assert cloud.provider.get_volume(volume).state == "detaching"
    with pytest.raises(Busy):
        cloud.provider.detach_volume(volume, cloud.world.old)


def test_an_address_that_never_moves_though_accepted(cloud: Cloud) -> None:
    address = cloud.provider.get_address("198.51.100.10")
    cloud.arm("move_address", "stuck")
    cloud.provider.move_address(address.address, "", expected=address)
    cloud.clock.sleep(1e6)
    assert cloud.provider.get_address(address.address) == address


def test_a_person_acts_between_look_and_act(cloud: Cloud) -> None:
    foreign = {"call": "give_address", "arguments": {"address": "198.51.100.10", "instance_id": ""}}
    address = cloud.provider.get_address("198.51.100.10")
    cloud.arm("move_address", "foreign_change", foreign=foreign)
    with pytest.raises(ProviderError, match="no instance"):
        cloud.provider.move_address(address.address, cloud.world.old, expected=address)


def test_the_faults_and_the_history_outlive_the_process(cloud: Cloud, tmp_path: Path) -> None:
    cloud.arm("create_instance", "busy", times=2)
    cloud.create_refused()
    later = FakeCloud(tmp_path / "cloud.db", clock=cloud.clock)
    with pytest.raises(Busy):
        FakeProvider(later).create_instance(REQUEST)
    FakeProvider(later).create_instance(REQUEST)
    assert [row.outcome for row in later.history() if row.call == "create_instance"] == [
        "refused busy",
        "refused busy",
        "done",
    ]
    later.close()
