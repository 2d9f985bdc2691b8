"""What is decided without asking the cloud: requests, states, address ranges, rules."""

import base64
import ipaddress
import json
from dataclasses import replace
from typing import Any

import pytest

from releve.errors import Refused
from releve.model.resources import InstanceRequest, Labels, Role, Volume
from releve.providers.openstack.abilities import choose_version
from releve.providers.openstack.creation import Parts, choose_disk_gib, make_body
from releve.providers.openstack.flavors import Flavor
from releve.providers.openstack.isolation import is_same, make_rules
from releve.providers.openstack.labels import as_metadata, pack_labels, read_labels, unpack_labels
from releve.providers.openstack.public_space import list_public
from releve.providers.openstack.root_disk import choose_root
from releve.providers.openstack.settings import Settings
from releve.providers.openstack.stuck import STUCK_SECONDS, StuckStates
from releve.providers.openstack.user_data import make_user_data
from releve.providers.openstack.volumes import judge_state
from tests.providers.openstack.cloud_double import IMAGE, OTHER, VOLUME

LABELS = Labels(host="web.example.org", run="abcdefghijkl", epoch=3, role=Role.CANDIDATE)
REQUEST = InstanceRequest(
    name="web-abcdefghijkl",
    image_id=IMAGE,
    size="small",
    network="net",
    labels=LABELS,
    authorized_keys=("ssh-ed25519 AAAA me", "ssh-rsa BBBB you"),
)
SMALL = Flavor("1", "small", cores=1, memory_mib=512, disk_gib=5)
DISKLESS = replace(SMALL, disk_gib=0)
PLAIN = {"id": IMAGE, "name": "base", "min_disk": 3, "size": 400 * 2**20}
MAPPING = [{"boot_index": 0, "snapshot_id": OTHER}, {"boot_index": None, "snapshot_id": VOLUME}]
CAPTURED = PLAIN | {"size": 0, "block_device_mapping": json.dumps(MAPPING)}


def body_of(request: InstanceRequest, parts: Parts, system_disk: str = "") -> dict[str, Any]:
    settings = Settings(system_disk=system_disk)
    return make_body(request, parts, user_data="", system_disk=settings)


def test_the_request_says_whose_it_is() -> None:
    body = body_of(REQUEST, Parts(SMALL, PLAIN, zone="az1"))
    assert body["metadata"] == LABELS.as_mapping()
    assert body["availability_zone"] == "az1"
    assert "block_device_mapping_v2" not in body
    assert "key_name" not in body


def test_a_flavor_without_a_disk_boots_from_a_volume_that_goes_with_it() -> None:
    body = body_of(REQUEST, Parts(DISKLESS, PLAIN, zone=""))
    assert body["block_device_mapping_v2"] == [
        {
            "boot_index": 0,
            "source_type": "image",
            "uuid": IMAGE,
            "destination_type": "volume",
            "delete_on_termination": True,
            "volume_size": 10,
        }
    ]
    assert body["metadata"] == LABELS.as_mapping() | {"releve.image": IMAGE}


@pytest.mark.parametrize("flavor", [SMALL, DISKLESS])
def test_an_image_that_is_a_snapshot_gives_its_root_alone(flavor: Flavor) -> None:
    """Data volumes that were attached when it was captured stay out."""
    body = body_of(REQUEST, Parts(flavor, CAPTURED, zone=""))
    (disk,) = body["block_device_mapping_v2"]
    assert (disk["source_type"], disk["uuid"]) == ("snapshot", OTHER)
    assert body["imageRef"] == ""


@pytest.mark.parametrize(
    ("image", "planned", "wanted"),
    [
        ({}, "", 10),
        ({"min_disk": 40}, "", 40),
        ({"virtual_size": 12 * 2**30 + 1}, "", 13),
        ({"min_disk": 40}, "25GiB", 40),
        ({"min_disk": 3}, "25GiB", 25),
        ({"min_disk": None, "size": None}, "1GB", 1),
    ],
)
def test_the_size_of_a_system_disk(image: dict[str, object], planned: str, wanted: int) -> None:
    assert choose_disk_gib(image, system_disk=planned) == wanted


class TestUserData:
    def test_lets_in_those_who_may_log_in_and_nothing_else(self) -> None:
        text = base64.b64decode(make_user_data(REQUEST)).decode()
        first, _, rest = text.partition("\n")
        assert first == "#cloud-config"
        assert json.loads(rest) == {
            "ssh_authorized_keys": list(REQUEST.authorized_keys),
            "disable_root": False,
            "ssh": {"emit_keys_to_console": True},
        }

    def test_never_holds_a_private_key(self) -> None:
        pem = "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary\n"
        with pytest.raises(Refused) as caught:
            make_user_data(replace(REQUEST, host_private_keys=(pem,)))
        assert "canary" not in f"{caught.value} {caught.value.remedy}"

    def test_of_one_that_is_to_be_off_turns_it_off_at_its_first_boot_only(self) -> None:
        text = base64.b64decode(make_user_data(replace(REQUEST, start=False))).decode()
        assert "poweroff" in text
        assert 'test -e \\"$f\\" ||' in text


class TestLabels:
    def test_come_back_as_they_were(self) -> None:
        assert read_labels(as_metadata(LABELS)) == LABELS.as_mapping()
        told = {key: text for key, text in LABELS.as_mapping().items() if text}
        assert unpack_labels(pack_labels(LABELS)) == told

    def test_a_long_host_name_leaves_the_run_on_a_port(self) -> None:
        long = replace(LABELS, host="h" * 250, expires="2027-01-01T00:00:00+00:00")
        assert len(pack_labels(long)) <= 255
        assert unpack_labels(pack_labels(long))["releve.run"] == LABELS.run
        with pytest.raises(Refused):
            as_metadata(replace(LABELS, host="h" * 256))

    @pytest.mark.parametrize("text", ["", "my port", "[1]", "{", "7", '{"other": "x"}', "[" * 255])
    def test_what_a_person_wrote_is_no_label(self, text: str) -> None:
        assert unpack_labels(text) == {}


@pytest.mark.parametrize(
    ("status", "by_cinder", "by_nova", "wanted"),
    [
        ("available", set(), set(), "available"),
        ("available", set(), {"a"}, "detaching"),  # Cinder is done, Nova is not
        ("in-use", {"a"}, {"a"}, "in-use"),
        ("in-use", {"a"}, set(), "attaching"),
        ("in-use", set(), {"a"}, "detaching"),
        ("reserved", set(), {"a"}, "reserved"),
        ("attaching", set(), {"a"}, "attaching"),
        ("detaching", {"a"}, {"a"}, "detaching"),
        ("error", set(), set(), "error"),
    ],
)
def test_a_volume_is_free_or_attached_once_both_say_so(
    status: str, by_cinder: set[str], by_nova: set[str], wanted: str
) -> None:
    assert judge_state(status, by_cinder=by_cinder, by_nova=by_nova) == wanted


class TestStuckStates:
    @pytest.mark.parametrize("state", ["reserved", "attaching", "detaching"])
    def test_pass_for_a_while_and_then_need_a_person(self, state: str) -> None:
        now = [0.0]
        stuck = StuckStates(lambda: now[0])
        volume = Volume(VOLUME, "data", 1, state=state)
        stuck.require_moving(volume)
        now[0] = STUCK_SECONDS - 1
        stuck.require_moving(volume)
        now[0] = STUCK_SECONDS + 1
        with pytest.raises(Refused) as caught:
            stuck.require_moving(volume)
        assert VOLUME in caught.value.what
        assert state in caught.value.what
        assert "support" in caught.value.remedy

    def test_count_anew_after_anything_else(self) -> None:
        now = [0.0]
        stuck = StuckStates(lambda: now[0])
        for state in ("detaching", "available", "detaching"):
            stuck.require_moving(Volume(VOLUME, "data", 1, state=state))
            now[0] += STUCK_SECONDS - 1
        stuck.require_moving(Volume(VOLUME, "data", 1, state="attaching"))


class TestPublicSpace:
    def test_holds_the_world_and_nothing_private(self) -> None:
        networks = [ipaddress.IPv4Network(text) for text in list_public(["203.0.113.7"])]

        def holds(address: str) -> bool:
            return any(ipaddress.IPv4Address(address) in network for network in networks)

        assert all(holds(address) for address in ("1.1.1.1", "151.101.2.132", "203.0.113.8"))
        private = ("10.0.0.1", "172.20.0.1", "192.168.1.1", "169.254.169.254")
        assert not any(holds(address) for address in (*private, "100.64.0.1", "224.0.0.1"))
        assert not holds("203.0.113.7")

    def test_is_told_by_few_networks(self) -> None:
        assert len(list_public([])) < 50
        assert len(list_public(["2001:db8::1"])) == len(list_public([]))


class TestRules:
    def test_let_the_controller_in_and_only_names_and_the_web_out(self) -> None:
        rules = make_rules(["10.0.0.0/24"], [{"remote_address_group_id": "g"}])
        coming = [rule for rule in rules if rule["direction"] == "ingress"]
        going = [rule for rule in rules if rule["direction"] == "egress"]
        assert [rule["remote_ip_prefix"] for rule in coming] == ["10.0.0.0/24"]
        assert {rule["port_range_min"] for rule in going} == {53, 80, 443}
        web = [rule for rule in going if rule["port_range_min"] != 53]
        assert all(rule["remote_address_group_id"] == "g" for rule in web)
        assert all(rule["port_range_min"] == rule["port_range_max"] for rule in going)

    def test_are_told_apart_from_what_neutron_gives_every_group(self) -> None:
        (first, *_) = make_rules(["10.0.0.0/24"], [])
        assert is_same(first | {"id": "x", "port_range_min": None}, first)
        assert not is_same({"direction": "egress", "ethertype": "IPv4"}, first)


def test_the_root_is_the_first_device() -> None:
    attachments = [
        {"volumeId": "data", "device": "/dev/vdb"},
        {"volumeId": "root", "device": "/dev/vda"},
    ]
    assert choose_root(attachments) == "root"
    assert choose_root([{"volumeId": "data", "device": None}]) == ""


@pytest.mark.parametrize(
    ("newest", "wanted"),
    [((2, 96), (2, 47)), ((2, 46), (2, 9)), ((2, 1), (2, 1)), ((1, 9), (2, 1))],
)
def test_the_newest_version_of_use_is_spoken(
    newest: tuple[int, int], wanted: tuple[int, int]
) -> None:
    assert choose_version(newest) == wanted
