"""LXD's descriptions, read: sizes, labels, operations, addresses, holders of a volume."""

from pathlib import Path

import pytest

from releve.errors import Ambiguous, Missing, Refused, Unavailable
from releve.model.resources import Address, Labels, Role
from releve.providers.lxd.addresses import note_owner
from releve.providers.lxd.cloud import LxdCloud
from releve.providers.lxd.creation import make_devices
from releve.providers.lxd.endpoint import resolve_endpoint
from releve.providers.lxd.instances import choose_address
from releve.providers.lxd.labels import (
    as_config,
    pack_labels,
    read_labels,
    replace_labels,
    unpack_labels,
)
from releve.providers.lxd.operations import operation_under_way
from releve.providers.lxd.sizes import describe_size, limits_of, profiles_of
from releve.providers.lxd.volumes import name_user, split_id
from tests.providers.lxd.conftest import Meet
from tests.providers.lxd.daemon_double import Asked, Reply, failure, instance, sync
from tests.providers.lxd.test_draft import make

LABELS = Labels(host="web", run="abcdefghijkl", epoch=2, role=Role.ACTIVE)


@pytest.mark.parametrize(
    ("size", "limits", "profiles"),
    [
        ("", {}, ["default"]),
        ("default", {}, ["default"]),
        ("2cpu-2GiB", {"limits.cpu": "2", "limits.memory": "2GiB"}, ["default"]),
        ("1cpu-512MiB", {"limits.cpu": "1", "limits.memory": "512MiB"}, ["default"]),
        ("large", {}, ["default", "large"]),
        ("2cpu-2GB", {}, ["default", "2cpu-2GB"]),
        ("2cpu", {}, ["default", "2cpu"]),
    ],
)
def test_a_size_is_a_profile_or_limits(
    size: str, limits: dict[str, str], profiles: list[str]
) -> None:
    assert (limits_of(size), profiles_of(size)) == (limits, profiles)
    assert describe_size(limits, profiles) == (size or "default")


def test_labels_go_to_lxd_and_come_back() -> None:
    config = replace_labels({"user.team": "ops", "limits.cpu": "2"}, LABELS)
    assert config["user.releve.run"] == LABELS.run
    assert "user.releve.expires" not in config  # empty and absent are the same to LXD
    expected = {key: text for key, text in LABELS.as_mapping().items() if text}
    assert read_labels(config | {"user.releve.kept-network": "{}"}) == expected | {"team": "ops"}
    assert unpack_labels(pack_labels(LABELS)) == LABELS.as_mapping()


@pytest.mark.parametrize("text", ["", "made by hand", "[1]", "7", '{"a": 1}', "{" * 9000])
def test_a_description_by_hand_holds_no_labels(text: str) -> None:
    assert unpack_labels(text) == {}


def under_way(description: str, *, kind: str = "task", name: str = "web") -> dict[str, object]:
    operation = {
        "class": kind,
        "description": description,
        "resources": {"instances": [f"/1.0/instances/{name}?project=p"]},
    }
    return {"running": [operation]}


def test_only_what_must_end_first_makes_an_instance_busy() -> None:
    assert operation_under_way(under_way("Stopping instance"), "web") == "Stopping instance"
    assert operation_under_way(under_way("Stopping instance", name="web2"), "web") == ""
    assert operation_under_way(under_way("Executing command", kind="websocket"), "web") == ""
    assert operation_under_way(under_way("Backing up instance"), "web") == ""
    assert operation_under_way({}, "web") == operation_under_way(None, "web") == ""


def interface(address: str, *, hwaddr: str, family: str = "inet") -> dict[str, object]:
    entry = {"family": family, "address": address, "scope": "global"}
    return {"hwaddr": hwaddr, "addresses": [{**entry, "scope": "link"} | {"address": "x"}, entry]}


def test_the_address_is_that_of_a_card_which_lxd_gave() -> None:
    draft = make({"eth0": {"type": "nic", "network": "n"}})
    network = {
        "docker0": interface("172.17.0.1", hwaddr="02:42:00:00:00:00"),
        "renamed0": interface("10.0.0.9", hwaddr="00:16:3e:00:00:00"),
        "lo": {"hwaddr": "", "addresses": [{"family": "inet", "address": "127.0.0.1"}]},
    }
    assert choose_address(draft, network) == "10.0.0.9"
    assert choose_address(draft, {}) == ""


def test_a_new_instance_overrides_what_its_profile_brings() -> None:
    profile = {
        "disk0": {"type": "disk", "path": "/", "pool": "slow"},
        "nic0": {"type": "nic", "network": "other"},
    }
    assert make_devices(profile, network="net", pool="fast") == {
        "disk0": {"type": "disk", "path": "/", "pool": "fast"},
        "nic0": {"type": "nic", "name": "eth0", "network": "net"},
    }
    assert set(make_devices({}, network="net", pool="fast")) == {"root", "eth0"}
    assert make_devices(profile, network="", pool="") == {}


@pytest.mark.parametrize("volume", ["", "data", "/data", "pool/", "pool/a/b", "/"])
def test_a_volume_id_is_pool_and_volume(volume: str) -> None:
    with pytest.raises(Missing):
        split_id(volume)


def test_holders_of_other_kinds_are_strangers_and_copies_are_none() -> None:
    def holder(url: str) -> str | None:
        found = name_user(url, project="p")
        return found.instance_id if found else None

    assert holder("/1.0/instances/web?project=p") == "web"
    assert holder("/1.0/instances/web") == "web"
    assert holder("/1.0/instances/web?project=q") == "q:web"
    assert holder("/1.0/profiles/default?project=p") == "profiles:default"
    assert holder("/1.0/instances/web/snapshots/s0?project=p") is None


def test_the_earlier_owner_of_an_address_is_noted() -> None:
    before = {"target_address": "10.0.0.1", "user.team": "ops"}
    moved = note_owner(before, owner="old", instance="new", target="10.0.0.2")
    assert moved["target_address"] == moved["user.releve.target"] == "10.0.0.2"
    assert moved["user.team"] == "ops"
    assert '"old"' in moved["user.releve.earlier"]
    away = note_owner(moved, owner="new", instance="", target="")
    assert not {"target_address", "user.releve.instance", "user.releve.target"} & set(away)


def cloud_with(meet: Meet, forward: dict[str, object]) -> LxdCloud:
    interface_of_web = {"type": "nic", "network": "net", "ipv4.address": "10.0.0.1"}
    web = instance("web", expanded_devices={"eth0": interface_of_web})

    def answer(asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        if "/forwards/" in path:
            return sync(forward, ETag="e1")
        if path.endswith("/leases"):
            return sync([{"address": "10.0.0.3", "hwaddr": "00:16:3e:00:00:07"}])
        return sync([web]) if path == "/1.0/instances" else failure(404, "Instance not found")

    return meet(answer)[1]


@pytest.mark.parametrize(
    ("config", "owner"),
    [
        ({}, ""),
        ({"target_address": "10.0.0.1"}, "web"),
        ({"target_address": "10.0.0.2"}, "10.0.0.2"),  # nobody knows whose it is: no owner's name
        ({"target_address": "10.0.0.2", "user.releve.instance": "web"}, "web"),
        # noted for another target: somebody moved it by hand since
        (
            {
                "target_address": "10.0.0.2",
                "user.releve.instance": "web",
                "user.releve.target": "10.0.0.1",
            },
            "10.0.0.2",
        ),
        # noted, but that instance is gone
        ({"target_address": "10.0.0.2", "user.releve.instance": "gone"}, "10.0.0.2"),
    ],
)
def test_whose_an_address_is(meet: Meet, config: dict[str, str], owner: str) -> None:
    cloud = cloud_with(meet, {"config": config, "description": "", "ports": []})
    assert cloud.get_address("198.51.100.1") == Address("198.51.100.1", owner, "e1")


def test_an_address_spread_over_ports_is_refused(meet: Meet) -> None:
    cloud = cloud_with(meet, {"config": {}, "ports": [{"listen_port": "80"}]})
    with pytest.raises(Refused, match="ports"):
        cloud.get_address("198.51.100.1")


def test_what_is_no_address_is_missing_and_asks_nobody(meet: Meet) -> None:
    double, cloud = meet(lambda _asked: sync({}))
    with pytest.raises(Missing):
        cloud.get_address("../../instances")
    assert double.asked == []


def test_two_images_of_one_description_are_ambiguous(meet: Meet) -> None:
    images = [
        {"fingerprint": letter * 64, "aliases": [], "properties": {"description": "Debian 12"}}
        for letter in "ab"
    ]
    _, cloud = meet(lambda _asked: sync(images))
    with pytest.raises(Ambiguous):
        cloud.get_image("Debian 12")
    assert cloud.get_image("a" * 64).id == "a" * 64
    with pytest.raises(Missing):
        cloud.get_image("a" * 12)  # LXD itself would take a beginning


def test_the_endpoint_is_given_or_the_first_local_one(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no LXD"):
        resolve_endpoint("", {"LXD_DIR": str(tmp_path)})
    with pytest.raises(Refused, match="no endpoint"):
        resolve_endpoint("http://lxd.example.org:8443", {})
    assert resolve_endpoint("https://lxd.example.org:8443/", {}) == "https://lxd.example.org:8443"


def test_the_environment_names_the_daemon(meet: Meet, tmp_path: Path) -> None:
    meet(lambda _asked: sync([]))
    socket = str(tmp_path / "unix.socket").replace("/", "%2F")
    for variable in ("LXD_DIR", "INCUS_DIR"):
        assert resolve_endpoint("", {variable: str(tmp_path)}) == f"http+unix://{socket}"


def test_a_request_for_every_instance_is_refused(meet: Meet) -> None:
    double, cloud = meet(lambda _asked: sync([]))
    with pytest.raises(Refused):
        cloud.find_instances(labels={})
    assert double.asked == []
    assert as_config(LABELS)["user.releve.epoch"] == "2"
