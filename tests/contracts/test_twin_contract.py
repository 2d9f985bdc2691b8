"""What every provider must obey where a run makes things only to delete them again."""

import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest

from releve.errors import Busy, Missing, Refused
from releve.model.resources import SUPERBLOCK_BYTES, Image, Labels, Power, Role, Volume
from tests.contracts.asking import (
    attach,
    delete,
    detach,
    find_named,
    is_missing,
    make_labels,
    make_request,
    make_running,
    stop,
)
from tests.contracts.provider_range import ProviderRange

SIZE_BYTES = 64 * 2**20


@pytest.fixture(scope="module")
def twin(range_: ProviderRange) -> str:
    """An isolated twin, running; shared, and deleted by the last test of its class."""
    return make_running(range_, make_request(range_, role=Role.TWIN, isolated=True))


@pytest.fixture(scope="module")
def helper(range_: ProviderRange) -> Iterator[str]:
    helper_id = make_running(range_, make_request(range_, role=Role.HELPER))
    yield helper_id
    delete(range_, helper_id)


def make_twin_volume(range_: ProviderRange, labels: Labels) -> Volume:
    name = f"twin-{secrets.token_hex(4)}"
    range_.provider.create_volume(name=name, size_bytes=SIZE_BYTES, labels=labels)
    return await_volume(range_, name, labels)


def await_volume(range_: ProviderRange, name: str, labels: Labels) -> Volume:
    def found() -> list[Volume]:
        volumes = range_.provider.find_volumes({"releve.run": labels.run})
        return [item for item in volumes if item.name == name and item.state == "available"]

    range_.wait_until(lambda: bool(found()), "the volume is available")
    return found()[0]


class TestIsolatedTwin:
    def test_is_isolated_and_runs(self, range_: ProviderRange, twin: str) -> None:
        found = range_.provider.get_instance(twin)
        assert found.isolated
        assert found.networked
        assert found.private_address
        assert found.labels["releve.role"] == "twin"

    def test_another_instance_is_not(self, range_: ProviderRange, old: str) -> None:
        assert not range_.provider.get_instance(old).isolated

    def test_takes_no_port(self, range_: ProviderRange) -> None:
        request = make_request(range_, role=Role.TWIN, isolated=True)
        with pytest.raises(Refused):
            range_.provider.create_instance(replace(request, port_id="port-1"))
        assert find_named(range_, request.name) == ()

    def test_could_be_made_now(self, range_: ProviderRange) -> None:
        request = make_request(range_, role=Role.TWIN, isolated=True)
        assert range_.provider.list_shortfalls(request) == ()

    def test_gets_no_address(self, range_: ProviderRange, twin: str) -> None:
        address = range_.make_address()
        before = range_.provider.get_address(address)
        with pytest.raises(Refused):
            range_.provider.move_address(address, twin, expected=before)
        assert range_.provider.get_address(address).instance_id == ""

    def test_gets_no_volume_but_a_twin_s(self, range_: ProviderRange, twin: str) -> None:
        production = range_.make_volume()
        with pytest.raises(Refused):
            range_.provider.attach_volume(production, twin, mount_point="/srv/data")
        assert range_.provider.get_volume(production).attachments == ()
        own = make_twin_volume(range_, make_labels(role=Role.TWIN))
        attach(range_, own.id, twin)
        detach(range_, own.id, twin)
        range_.provider.delete_volume(own.id)

    def test_is_not_deleted_while_it_runs(self, range_: ProviderRange, twin: str) -> None:
        with pytest.raises(Busy):
            range_.provider.delete_instance(twin)
        assert range_.provider.get_instance(twin).power is Power.RUNNING

    def test_is_deleted_when_it_is_off(self, range_: ProviderRange, twin: str) -> None:
        delete(range_, twin)
        with pytest.raises(Missing):
            range_.provider.delete_instance(twin)


class TestDeletion:
    def test_of_what_serves_or_is_kept_is_refused(self, range_: ProviderRange, old: str) -> None:
        stop(range_, old)
        with pytest.raises(Refused):  # a person made it
            range_.provider.delete_instance(old)
        for role in (Role.ACTIVE, Role.CANDIDATE, Role.QUARANTINED):
            range_.provider.label_instance(old, make_labels(role=role))
            with pytest.raises(Refused):
                range_.provider.delete_instance(old)
        assert range_.provider.get_instance(old).power is Power.STOPPED

    def test_of_what_was_discarded_waits_for_its_data_volume(
        self, range_: ProviderRange, old: str
    ) -> None:
        volume = range_.make_volume()
        range_.provider.label_instance(old, make_labels(role=Role.DISCARDED))
        attach(range_, volume, old)
        stop(range_, old)
        with pytest.raises(Refused):
            range_.provider.delete_instance(old)
        assert volume in range_.provider.get_instance(old).volumes
        detach(range_, volume, old)
        delete(range_, old)


class TestTwinVolumes:
    def test_are_found_by_all_of_their_labels(self, range_: ProviderRange) -> None:
        labels = make_labels(role=Role.TWIN)
        made = make_twin_volume(range_, labels)
        wanted = {key: text for key, text in labels.as_mapping().items() if text}
        assert wanted.items() <= range_.provider.get_volume(made.id).labels.items()
        found = range_.provider.find_volumes(wanted)
        assert [volume.id for volume in found] == [made.id]
        assert range_.provider.find_volumes(wanted | {"releve.epoch": "99"}) == ()
        with pytest.raises(Refused):
            range_.provider.find_volumes({})
        range_.provider.delete_volume(made.id)
        range_.wait_until(
            lambda: is_missing(lambda: range_.provider.get_volume(made.id)), "it is gone"
        )
        with pytest.raises(Missing):
            range_.provider.delete_volume(made.id)

    def test_a_clone_has_the_bytes_and_its_source_keeps_them(
        self, range_: ProviderRange, old: str
    ) -> None:
        source, labels = range_.make_volume(), make_labels(role=Role.TWIN)
        content = secrets.token_hex(16).encode()
        range_.write_volume(source, content)
        attach(range_, source, old)
        name = f"clone-{secrets.token_hex(4)}"
        range_.provider.clone_volume(source, name=name, labels=labels)
        clone = await_volume(range_, name, labels)
        assert content in range_.read_volume(clone.id)
        assert clone.filesystem_uuid != range_.provider.get_volume(source).filesystem_uuid or (
            clone.filesystem_uuid == ""
        )
        range_.write_volume(clone.id, b"other bytes")
        assert range_.read_volume(source).startswith(content)
        assert range_.provider.get_volume(source).attachments[0].instance_id == old
        with pytest.raises(Busy):
            range_.provider.clone_volume(source, name=name, labels=labels)
        range_.provider.delete_volume(clone.id)
        detach(range_, source, old)

    @pytest.mark.parametrize("role", [Role.CANDIDATE, Role.HELPER])
    def test_another_role_s_are_kept(self, range_: ProviderRange, role: Role) -> None:
        made = make_twin_volume(range_, make_labels(role=role))
        with pytest.raises(Refused):
            range_.provider.delete_volume(made.id)
        assert range_.provider.get_volume(made.id).name == made.name

    def test_a_person_s_is_kept(self, range_: ProviderRange) -> None:
        volume = range_.make_volume()
        with pytest.raises(Refused):
            range_.provider.delete_volume(volume)
        assert range_.provider.get_volume(volume).id == volume

    def test_one_in_use_is_kept(self, range_: ProviderRange, old: str) -> None:
        made = make_twin_volume(range_, make_labels(role=Role.TWIN))
        attach(range_, made.id, old)
        with pytest.raises(Busy):
            range_.provider.delete_volume(made.id)
        detach(range_, made.id, old)
        range_.provider.delete_volume(made.id)


class TestImages:
    def test_of_a_running_instance_is_busy(self, range_: ProviderRange, booted: str) -> None:
        labels = {"releve.host": "web.example.org", "releve.run": "abcdefghijkl"}
        with pytest.raises(Busy):
            range_.provider.capture_image(booted, name="releve-never", labels=labels)
        assert range_.provider.find_images(labels) == ()

    def test_without_host_and_run_is_refused(self, range_: ProviderRange, booted: str) -> None:
        stop(range_, booted)
        for labels in ({}, {"releve.run": "abcdefghijkl"}, {"releve.host": "web"}):
            with pytest.raises(Refused):
                range_.provider.capture_image(booted, name="releve-never", labels=labels)

    def test_is_found_used_and_deleted(self, range_: ProviderRange, booted: str) -> None:
        name, run = f"releve-{secrets.token_hex(4)}", make_labels().run
        labels = {"releve.host": "web.example.org", "releve.run": run, "releve.commit": "4f2a"}
        stop(range_, booted)
        range_.provider.capture_image(booted, name=name, labels=labels)
        range_.wait_until(lambda: len(_ready(range_, labels)) == 1, "the image is ready")
        image = _ready(range_, labels)[0]
        assert image.labels == labels
        assert range_.provider.find_images(labels | {"releve.commit": "4f2b"}) == ()
        assert range_.provider.get_image(image.id).labels == labels
        assert range_.provider.get_image(name).id == image.id
        assert range_.provider.get_instance(booted).power is Power.STOPPED
        with pytest.raises(Busy):
            range_.provider.capture_image(booted, name=name, labels=labels)
        request = replace(make_request(range_, role=Role.TWIN, isolated=True), image_id=image.id)
        made = make_running(range_, request)
        assert range_.provider.get_instance(made).image == image.id
        delete(range_, made)
        assert find_named(range_, request.name) == ()
        range_.provider.delete_image(image.id)
        range_.wait_until(
            lambda: is_missing(lambda: range_.provider.get_image(image.id)), "it is gone"
        )

    def test_one_on_offer_is_kept(self, range_: ProviderRange) -> None:
        image = range_.provider.get_image(range_.image)
        with pytest.raises(Refused):
            range_.provider.delete_image(image.id)
        assert range_.provider.get_image(range_.image).id == image.id

    def test_nothing_is_found_without_a_label(self, range_: ProviderRange) -> None:
        with pytest.raises(Refused):
            range_.provider.find_images({})


class TestSystemDisk:
    def test_of_a_running_instance_has_no_digest(self, range_: ProviderRange, booted: str) -> None:
        disk = range_.provider.read_system_disk(booted)
        assert disk.digest == ""
        assert disk.why

    def test_is_read_from_outside(self, range_: ProviderRange, booted: str) -> None:
        stop(range_, booted)
        disk = range_.provider.read_system_disk(booted)
        assert bool(disk.digest) != bool(disk.why)
        if disk.superblock or disk.digest:  # else nobody but a helper sees its bytes
            assert disk.filesystem
            assert len(disk.superblock) == SUPERBLOCK_BYTES

    def test_is_given_to_a_helper_and_taken_back(
        self, range_: ProviderRange, booted: str, helper: str
    ) -> None:
        provider = range_.provider
        stop(range_, booted)
        before = provider.read_system_disk(booted).digest
        provider.attach_system_disk(booted, helper, mount_point="/dead")
        assert provider.get_instance(helper).system_disks == (booted,)
        with pytest.raises(Busy):
            provider.attach_system_disk(booted, helper, mount_point="/dead")
        assert provider.read_system_disk(booted).digest == before
        provider.detach_system_disk(booted, helper)
        assert provider.get_instance(helper).system_disks == ()
        with pytest.raises(Missing):
            provider.detach_system_disk(booted, helper)

    def test_of_a_running_instance_is_given_to_nobody(
        self, range_: ProviderRange, booted: str, helper: str
    ) -> None:
        with pytest.raises(Refused):
            range_.provider.attach_system_disk(booted, helper, mount_point="/dead")
        assert range_.provider.get_instance(helper).system_disks == ()

    def test_is_given_to_no_other_than_a_helper(
        self, range_: ProviderRange, booted: str, other: str
    ) -> None:
        stop(range_, booted)
        with pytest.raises(Refused):
            range_.provider.attach_system_disk(booted, other, mount_point="/dead")
        assert range_.provider.get_instance(other).system_disks == ()


def _ready(range_: ProviderRange, labels: dict[str, str]) -> list[Image]:
    return [image for image in range_.provider.find_images(labels) if image.ready]
