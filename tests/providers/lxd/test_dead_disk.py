"""The whole fence on disks that died for real, under LXD's own notes as well."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from releve.errors import Busy, ProviderError
from releve.lab.settings import LabSettings
from releve.model.resources import Labels, Power, Role
from tests.contracts.asking import holders
from tests.contracts.lxd_range import LxdRange
from tests.fixtures.lab import require_lab, start_lab, stop_lab
from tests.providers.lxd.dead_disk import DyingHost, make_dying_host

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("lxd")]

EXPIRES = "2027-01-01T00:00:00+00:00"
WAYS = {"ext4-error": "ext4", "xfs-shutdown": "xfs", "disk-full": "ext4"}


@dataclass(frozen=True)
class Crash:
    host: DyingHost
    how: str


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LxdRange]:
    """On a lab of its own: nothing can be deleted from a dead disk, but by taking the lab down."""
    require_lab()
    settings = LabSettings("dying", directory=tmp_path_factory.mktemp("lab") / "dying")
    try:
        yield LxdRange(start_lab(settings))
    finally:
        stop_lab(settings)


@pytest.fixture(params=WAYS)
def crash(request: pytest.FixtureRequest, ground: LxdRange) -> Iterator[Crash]:
    host = make_dying_host(ground, WAYS[request.param])
    yield Crash(host, request.param)
    if ground.provider.get_instance(host.name).power is Power.RUNNING:
        ground.provider.stop_instance(host.name)


def make_labels(role: Role, expires: str = "") -> Labels:
    return Labels(host="web", run="abcdefghijkl", epoch=4, role=role, expires=expires)


def test_a_dying_host_is_fenced_stripped_and_quarantined(ground: LxdRange, crash: Crash) -> None:
    provider, host = ground.provider, crash.host
    ground.write_volume(host.volume, b"posts")
    crash.host.break_disk(crash.how)
    assert host.count_processes() > 0

    provider.label_instance(
        host.name,
        make_labels(Role.ACTIVE),
        revision=provider.get_instance(host.name).revision,
    )
    assert provider.get_instance(host.name).labels["releve.run"] == "abcdefghijkl"
    provider.stop_instance(host.name)
    assert provider.get_instance(host.name).power is Power.STOPPED
    assert host.count_processes() == 0
    provider.lock_instance(host.name)
    provider.isolate_instance(host.name)
    fenced = provider.get_instance(host.name)
    assert (fenced.locked, fenced.networked, fenced.volumes) == (True, False, (host.volume,))
    with pytest.raises(Busy):
        provider.start_instance(host.name)

    provider.detach_volume(host.volume, host.name)
    assert holders(provider.get_volume(host.volume)) == []
    assert ground.read_volume(host.volume) == b"posts"
    provider.label_instance(host.name, make_labels(Role.QUARANTINED, EXPIRES))
    quarantined = provider.get_instance(host.name)
    assert quarantined.labels["releve.expires"] == EXPIRES
    assert (quarantined.volumes, quarantined.networked) == ((), False)


def test_a_dead_host_gets_everything_back_when_the_run_is_undone(
    ground: LxdRange, crash: Crash
) -> None:
    provider, host, address = ground.provider, crash.host, ground.make_address()
    provider.move_address(address, host.name, expected=provider.get_address(address))
    devices = ground.client.get(f"/1.0/instances/{host.name}")["devices"]
    crash.host.break_disk(crash.how)
    provider.stop_instance(host.name)
    provider.lock_instance(host.name)
    provider.isolate_instance(host.name)
    provider.detach_volume(host.volume, host.name)
    provider.move_address(address, "", expected=provider.get_address(address))

    provider.attach_volume(host.volume, host.name, mount_point="/srv/data")
    provider.reconnect_instance(host.name)
    provider.unlock_instance(host.name)
    if crash.how == "disk-full":
        provider.start_instance(host.name)
    else:
        with pytest.raises(ProviderError):  # its root cannot be mounted: that must be told
            provider.start_instance(host.name)
    provider.move_address(address, host.name, expected=provider.get_address(address))

    instance = provider.get_instance(host.name)
    assert (instance.locked, instance.networked) == (False, True)
    assert (instance.power is Power.RUNNING) == (crash.how == "disk-full")
    assert holders(provider.get_volume(host.volume)) == [host.name]
    assert provider.get_address(address).instance_id == host.name
    after = ground.client.get(f"/1.0/instances/{host.name}")["devices"]
    hardware_address = after["eth0"].pop("hwaddr")
    assert hardware_address.startswith("00:16:3e:")
    assert after == devices
