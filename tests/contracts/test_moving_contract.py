"""What every provider must obey where volumes and addresses move."""

import secrets

import pytest

from releve.errors import Busy, Changed, Missing
from releve.model.identity import new_run_id, snapshot_name
from releve.model.resources import InstanceRequest
from tests.contracts.asking import (
    attach,
    detach,
    find_one,
    holders,
    make_labels,
    ready_snapshots,
    stop,
)
from tests.contracts.provider_range import ProviderRange


class TestVolumes:
    def test_move_from_one_instance_to_another(
        self, range_: ProviderRange, old: str, created: InstanceRequest
    ) -> None:
        volume, new = range_.make_volume(), find_one(range_, created.name).id
        content = secrets.token_hex(16).encode()
        range_.write_volume(volume, content)
        attach(range_, volume, old)
        stop(range_, old)
        detach(range_, volume, old)
        attach(range_, volume, new)
        assert range_.read_volume(volume) == content
        detach(range_, volume, new)

    def test_attached_is_seen_from_both_sides(self, range_: ProviderRange, old: str) -> None:
        volume = range_.make_volume()
        attach(range_, volume, old)
        attachment = range_.provider.get_volume(volume).attachments[0]
        assert volume in range_.provider.get_instance(old).volumes
        assert bool(attachment.mount_point) != bool(attachment.device_serial)
        detach(range_, volume, old)
        assert volume not in range_.provider.get_instance(old).volumes

    def test_attached_twice_is_refused(self, range_: ProviderRange, old: str) -> None:
        volume = range_.make_volume()
        attach(range_, volume, old)
        with pytest.raises(Busy):
            range_.provider.attach_volume(volume, old, mount_point="/srv/again")
        assert holders(range_.provider.get_volume(volume)) == [old]
        detach(range_, volume, old)

    def test_attached_elsewhere_is_refused_while_attached(
        self, range_: ProviderRange, old: str, other: str
    ) -> None:
        volume = range_.make_volume()
        attach(range_, volume, old)
        with pytest.raises(Busy):
            range_.provider.attach_volume(volume, other, mount_point="/srv/data")
        assert holders(range_.provider.get_volume(volume)) == [old]
        detach(range_, volume, old)

    def test_detached_from_the_wrong_instance_is_refused(
        self, range_: ProviderRange, old: str, other: str
    ) -> None:
        volume = range_.make_volume()
        attach(range_, volume, old)
        with pytest.raises((Missing, Busy)):
            range_.provider.detach_volume(volume, other)
        assert holders(range_.provider.get_volume(volume)) == [old]
        detach(range_, volume, old)

    def test_attaching_what_is_missing_is_missing(self, range_: ProviderRange, old: str) -> None:
        volume = range_.make_volume()
        with pytest.raises(Missing):
            range_.provider.attach_volume(f"{volume}-none", old, mount_point="/srv/data")
        with pytest.raises(Missing):
            range_.provider.attach_volume(volume, "nothing-here", mount_point="/srv/data")
        assert holders(range_.provider.get_volume(volume)) == []

    def test_are_listed(self, range_: ProviderRange) -> None:
        volume = range_.make_volume()
        assert volume in {known.id for known in range_.provider.list_volumes()}


class TestSnapshots:
    def test_are_found_by_volume_and_exact_name(self, range_: ProviderRange) -> None:
        volume, other, run = range_.make_volume(), range_.make_volume(), new_run_id()
        name = snapshot_name(run)
        range_.provider.snapshot_volume(volume, name=name, labels=make_labels())
        range_.wait_until(lambda: len(ready_snapshots(range_, volume, name)) == 1, "it is ready")
        snapshot = ready_snapshots(range_, volume, name)[0]
        assert (snapshot.volume_id, snapshot.name) == (volume, name)
        assert range_.provider.find_snapshots(other, name=name) == ()
        assert range_.provider.find_snapshots(volume, name=name[:-1]) == ()


class TestAddress:
    def test_has_one_owner(self, range_: ProviderRange, old: str, other: str) -> None:
        provider, address = range_.provider, range_.make_address()
        for owner in (old, other, ""):
            provider.move_address(address, owner, expected=provider.get_address(address))
            range_.wait_until(lambda: provider.get_address(address).instance_id == owner, owner)  # noqa: B023 - waited for within the loop

    def test_is_not_moved_when_it_is_not_as_expected(
        self, range_: ProviderRange, old: str, other: str
    ) -> None:
        provider, address = range_.provider, range_.make_address()
        stale = provider.get_address(address)
        provider.move_address(address, old, expected=stale)
        with pytest.raises(Changed):
            provider.move_address(address, other, expected=stale)
        assert provider.get_address(address).instance_id == old

    def test_does_not_move_to_an_unknown_instance(self, range_: ProviderRange) -> None:
        provider, address = range_.provider, range_.make_address()
        with pytest.raises(Missing):
            provider.move_address(address, "nothing-here", expected=provider.get_address(address))
        assert provider.get_address(address).instance_id == ""
