"""What every provider must obey; the fake and the real ones pass the same suite."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest

from releve.errors import Busy, Changed, Missing, ProviderError, Refused
from releve.model.resources import InstanceRequest, Power, Role
from tests.contracts.asking import (
    accept_refusal,
    find_named,
    find_one,
    has_power,
    make_labels,
    make_request,
    stop,
)
from tests.contracts.provider_range import ProviderRange

EXPIRES = "2027-01-01T00:00:00+00:00"


class TestIdentity:
    def test_is_written_by_the_create_call_and_read_back(
        self, range_: ProviderRange, created: InstanceRequest
    ) -> None:
        found = find_one(range_, created.name)
        wanted = created.labels.as_mapping()
        assert {key: found.labels.get(key, "") for key in wanted} == wanted
        assert range_.provider.get_instance(found.id).name == created.name

    def test_is_there_as_soon_as_the_instance_is(self, range_: ProviderRange) -> None:
        request = make_request(range_)
        range_.provider.create_instance(request)
        range_.wait_until(lambda: bool(find_named(range_, request.name)), "it is listed")
        assert find_one(range_, request.name).labels["releve.run"] == request.labels.run

    def test_create_twice_makes_one(self, range_: ProviderRange, created: InstanceRequest) -> None:
        with pytest.raises(Busy):
            range_.provider.create_instance(created)
        assert len(find_named(range_, created.name)) == 1

    def test_a_created_instance_runs_with_network_address_and_image(
        self, range_: ProviderRange, created: InstanceRequest
    ) -> None:
        range_.wait_until(
            lambda: bool(find_one(range_, created.name).private_address), "it has an address"
        )
        found = find_one(range_, created.name)
        assert found.networked
        assert not found.locked
        assert found.volumes == ()


class TestFinding:
    def test_by_name_is_exact(self, range_: ProviderRange, created: InstanceRequest) -> None:
        for near in (created.name[:-1], created.name + "x", created.name.upper()):
            assert find_named(range_, near) == ()

    @pytest.mark.parametrize("pattern", [".*", "^", "{0}|x", "[a-z0-9-]+", "{0}$", "%", "*"])
    def test_by_name_is_no_pattern(
        self, range_: ProviderRange, created: InstanceRequest, pattern: str
    ) -> None:
        assert find_named(range_, pattern.replace("{0}", created.name)) == ()

    def test_by_labels_wants_all_of_them(
        self, range_: ProviderRange, created: InstanceRequest
    ) -> None:
        labels = created.labels.as_mapping()
        found = range_.provider.find_instances(labels={"releve.run": labels["releve.run"]})
        assert [instance.name for instance in found] == [created.name]
        other = {"releve.run": labels["releve.run"], "releve.epoch": "999"}
        assert range_.provider.find_instances(labels=other) == ()

    def test_without_a_criterion_is_refused(self, range_: ProviderRange) -> None:
        with pytest.raises(Refused):
            range_.provider.find_instances()
        with pytest.raises(Refused):
            range_.provider.find_instances(name="", labels={})

    def test_unknown_ids_are_missing(self, range_: ProviderRange) -> None:
        provider, nowhere = range_.provider, f"nothing-{secrets.token_hex(4)}"
        calls: list[Callable[[], object]] = [
            lambda: provider.get_instance(nowhere),
            lambda: provider.get_volume(nowhere),
            lambda: provider.get_image(nowhere),
            lambda: provider.get_address("192.0.2.77"),
            lambda: provider.stop_instance(nowhere),
            lambda: provider.label_instance(nowhere, make_labels()),
            lambda: provider.read_host_keys(nowhere),
        ]
        for call in calls:
            with pytest.raises(Missing) as caught:
                call()
            assert caught.value.remedy

    def test_nothing_is_found_where_nothing_is(self, range_: ProviderRange) -> None:
        volume = range_.make_volume()
        assert range_.provider.find_snapshots(volume, name="releve-none") == ()
        assert range_.provider.find_ports(name="releve-none") == ()

    def test_image_by_exact_name_and_by_id(self, range_: ProviderRange) -> None:
        image = range_.provider.get_image(range_.image)
        assert image.name == range_.image
        assert range_.provider.get_image(image.id).id == image.id
        assert image.id in {known.id for known in range_.provider.list_images()}
        with pytest.raises(Missing):
            range_.provider.get_image(range_.image[:-1])


class TestHostKeys:
    def test_appear_through_the_provider_and_are_well_formed(
        self, range_: ProviderRange, created: InstanceRequest
    ) -> None:
        instance_id = find_one(range_, created.name).id
        range_.wait_until(
            lambda: bool(range_.provider.read_host_keys(instance_id)), "its host keys are there"
        )
        for key in range_.provider.read_host_keys(instance_id):
            wire = base64.b64decode(key.public, validate=True)
            length = int.from_bytes(wire[:4], "big")
            assert wire[4 : 4 + length].decode() == key.algorithm
            assert key.line_for("name").split() == ["name", key.algorithm, key.public]


class TestPowerAndNetwork:
    def test_stop_is_read_back_and_start_brings_it_back(
        self, range_: ProviderRange, old: str
    ) -> None:
        stop(range_, old)
        assert range_.provider.get_instance(old).power is Power.STOPPED
        range_.provider.start_instance(old)
        range_.wait_until(lambda: has_power(range_, old, Power.RUNNING), "it runs again")

    def test_stopping_what_is_stopped_leaves_it_stopped(
        self, range_: ProviderRange, old: str
    ) -> None:
        stop(range_, old)
        accept_refusal(Busy, lambda: range_.provider.stop_instance(old))
        assert range_.provider.get_instance(old).power is Power.STOPPED

    def test_a_locked_instance_does_not_start(self, range_: ProviderRange, old: str) -> None:
        if not range_.provider.capabilities.locks:
            pytest.skip(f"{range_.provider.kind} has no locks")
        stop(range_, old)
        range_.provider.lock_instance(old)
        range_.wait_until(lambda: range_.provider.get_instance(old).locked, "it is locked")
        with pytest.raises(Busy):
            range_.provider.start_instance(old)
        assert range_.provider.get_instance(old).power is Power.STOPPED
        range_.provider.unlock_instance(old)
        range_.wait_until(lambda: not range_.provider.get_instance(old).locked, "it is unlocked")
        range_.provider.start_instance(old)
        range_.wait_until(lambda: has_power(range_, old, Power.RUNNING), "it runs again")

    def test_isolation_holds_over_a_start_and_is_taken_back(
        self, range_: ProviderRange, old: str
    ) -> None:
        stop(range_, old)
        range_.provider.isolate_instance(old)
        range_.wait_until(lambda: not range_.provider.get_instance(old).networked, "it is cut off")
        range_.provider.start_instance(old)
        range_.wait_until(lambda: has_power(range_, old, Power.RUNNING), "it runs")
        assert not range_.provider.get_instance(old).networked
        range_.provider.reconnect_instance(old)
        range_.wait_until(lambda: range_.provider.get_instance(old).networked, "it is connected")


class TestLabels:
    def test_are_replaced_whole(self, range_: ProviderRange, old: str) -> None:
        range_.provider.label_instance(old, make_labels(expires=EXPIRES))
        labels = replace(make_labels(role=Role.QUARANTINED), epoch=7)
        range_.provider.label_instance(old, labels)
        found = range_.provider.get_instance(old).labels
        assert {key: found.get(key, "") for key in labels.as_mapping()} == labels.as_mapping()

    def test_a_revision_that_is_no_longer_true_is_changed(
        self, range_: ProviderRange, old: str
    ) -> None:
        revision = range_.provider.get_instance(old).revision
        if not revision:
            pytest.skip(f"{range_.provider.kind} has no revisions")
        first, second = make_labels(), make_labels()
        range_.provider.label_instance(old, first, revision=revision)
        with pytest.raises(Changed):
            range_.provider.label_instance(old, second, revision=revision)
        assert range_.provider.get_instance(old).labels["releve.run"] == first.run

    def test_a_found_instance_is_the_labelled_one(self, range_: ProviderRange, old: str) -> None:
        labels = make_labels()
        range_.provider.label_instance(old, labels)
        found = range_.provider.find_instances(labels=labels.as_mapping())
        assert [instance.id for instance in found] == [old]


class TestRequests:
    def test_a_request_that_can_be_met_has_no_shortfall(self, range_: ProviderRange) -> None:
        assert range_.provider.list_shortfalls(make_request(range_)) == ()

    @pytest.mark.parametrize("field", ["network", "size"])
    def test_shortfalls_name_what_is_missing(self, range_: ProviderRange, field: str) -> None:
        request = make_request(range_)
        if field == "network":
            request = replace(request, network="no-such-thing")
        else:
            request = replace(request, size="no-such-thing")
        shortfalls = range_.provider.list_shortfalls(request)
        assert shortfalls
        assert any("no-such-thing" in sentence for sentence in shortfalls)

    def test_an_unknown_image_makes_nothing(self, range_: ProviderRange) -> None:
        request = replace(make_request(range_), image_id="no-such-image")
        with pytest.raises(ProviderError):
            range_.provider.create_instance(request)
        assert find_named(range_, request.name) == ()


class TestPorts:
    def test_are_found_by_exact_name_with_their_labels(self, range_: ProviderRange) -> None:
        if not range_.provider.capabilities.ports:
            pytest.skip(f"{range_.provider.kind} makes the port with the instance")
        request = make_request(range_)
        range_.provider.create_port(
            name=request.name, network=range_.network, labels=request.labels
        )
        range_.wait_until(
            lambda: len(range_.provider.find_ports(name=request.name)) == 1, "the port is listed"
        )
        port = range_.provider.find_ports(name=request.name)[0]
        assert port.labels["releve.run"] == request.labels.run
        assert range_.provider.find_ports(name=request.name[:-1]) == ()
        assert port.instance_id == ""
        range_.provider.delete_port(port.id)
        range_.wait_until(lambda: range_.provider.find_ports(name=request.name) == (), "it is gone")

    def test_of_nobody_are_not_deleted(self, range_: ProviderRange) -> None:
        with pytest.raises(Missing):
            range_.provider.delete_port(f"nothing-{secrets.token_hex(4)}")

    def test_one_port_serves_one_instance(self, range_: ProviderRange) -> None:
        if not range_.provider.capabilities.ports:
            pytest.skip(f"{range_.provider.kind} makes the port with the instance")
        request, second = make_request(range_), make_request(range_)
        range_.provider.create_port(
            name=request.name, network=range_.network, labels=request.labels
        )
        range_.wait_until(
            lambda: len(range_.provider.find_ports(name=request.name)) == 1, "the port is listed"
        )
        port = range_.provider.find_ports(name=request.name)[0]
        range_.provider.create_instance(replace(request, port_id=port.id))
        with pytest.raises(Busy):
            range_.provider.create_instance(replace(second, port_id=port.id))
        assert find_named(range_, second.name) == ()
        range_.wait_until(
            lambda: bool(range_.provider.find_ports(name=request.name)[0].instance_id), "it has it"
        )
        with pytest.raises(Busy):
            range_.provider.delete_port(port.id)
        assert len(range_.provider.find_ports(name=request.name)) == 1
