"""Where a new instance comes to lie, and what it may reach, as each kind of cloud has it."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from releve.errors import Refused
from releve.model.resources import Role
from releve.providers.openstack.isolation import count_up_rules
from releve.providers.openstack.settings import Settings
from tests.providers.openstack.cloud_double import (
    EXTENSIONS,
    NETWORK,
    OTHER,
    VOLUME,
    Asked,
    CloudDouble,
    Reply,
    everything,
    ok,
    volume,
)
from tests.providers.openstack.conftest import Meet
from tests.providers.openstack.test_acts import REQUEST

SECOND = "99999999-9999-4999-8999-999999999999"
WITHOUT_GROUPS = tuple(name for name in EXTENSIONS if "address-group" not in name)


class Zones:
    """Compute has these zones, the two volumes lie in those."""

    def __init__(self, *zones: str, volumes: tuple[str, str] = ("a", "a")) -> None:
        self.pages: dict[str, Any] = {
            "/compute/v2.1/limits": {"limits": {"absolute": {}}},
            "/compute/v2.1/os-availability-zone": {
                "availabilityZoneInfo": [{"zoneName": zone} for zone in zones]
            },
            f"/volume/v3/volumes/{VOLUME}": {"volume": volume(availability_zone=volumes[0])},
            f"/volume/v3/volumes/{SECOND}": {
                "volume": volume(id=SECOND, availability_zone=volumes[1])
            },
        }

    def __call__(self, asked: Asked) -> Reply | None:
        if asked.method != "GET":
            return ok({"port": {"id": OTHER}, "server": {"id": OTHER}}, 202)
        empty: dict[str, list[str]] = {"servers": [], "ports": [], "images": []}
        return ok(empty) if "name=" in asked.path else everything(asked, **self.pages)


def made_in(double: CloudDouble) -> str:
    (body,) = [
        asked.content["server"]
        for asked in double.asked
        if (asked.method, asked.path) == ("POST", "/compute/v2.1/servers")
    ]
    return str(body.get("availability_zone", ""))


@pytest.mark.parametrize(
    ("zones", "planned", "zone"),
    [
        (Zones("a", "b"), "", "a"),  # where its volumes are
        (Zones("nova"), "", ""),  # the two services name their zones differently
        (Zones("a", "b"), "b", "b"),  # the plan knows that this cloud attaches across zones
    ],
)
def test_an_instance_is_made_where_its_volumes_are(
    meet: Meet, zones: Zones, planned: str, zone: str
) -> None:
    double, cloud = meet(zones, settings=Settings(zone=planned))
    cloud.create_instance(replace(REQUEST, volumes=(VOLUME, SECOND)))
    assert made_in(double) == zone


def test_volumes_in_two_zones_are_told_before_anything_is_made(meet: Meet) -> None:
    double, cloud = meet(Zones("a", "b", volumes=("a", "b")))
    request = replace(REQUEST, volumes=(VOLUME, SECOND))
    assert any("zones a and b" in sentence for sentence in cloud.list_shortfalls(request))
    assert double.count("POST", "PUT", "DELETE") == 0


def test_a_zone_that_is_not_there_is_told_with_those_that_are(meet: Meet) -> None:
    _double, cloud = meet(Zones("a", "b"), settings=Settings(zone="c"))
    assert "there is no availability zone c: there are a, b" in cloud.list_shortfalls(REQUEST)


class Network:
    """Takes every group, rule and port; keeps the bodies."""

    def __init__(self, *own: str) -> None:
        self.own = own  # addresses of this project

    def __call__(self, asked: Asked) -> Reply | None:
        made = {"id": OTHER, "name": "releve-isolated", "addresses": []}
        if asked.method != "GET":
            kinds = ("security_group", "address_group", "port", "server", "security_group_rule")
            return ok(dict.fromkeys(kinds, made), 202)
        ports = [{"id": OTHER, "name": "", "fixed_ips": [{"ip_address": ip}]} for ip in self.own]
        pages: dict[str, Any] = {
            "/compute/v2.1/servers/detail": {"servers": []},
            "/network/v2.0/ports": {"ports": [] if "name=" in asked.path else ports},
            "/network/v2.0/security-groups": {"security_groups": []},
            "/network/v2.0/address-groups": {"address_groups": []},
            "/network/v2.0/security-group-rules": {"security_group_rules": []},
            "/network/v2.0/floatingips": {"floatingips": []},
        }
        return everything(asked, **pages)


def rules_of(double: CloudDouble) -> list[dict[str, Any]]:
    path = "/network/v2.0/security-group-rules"
    asked = [item for item in double.asked if (item.method, item.path) == ("POST", path)]
    return [item.content["security_group_rule"] for item in asked]


def test_without_address_groups_each_public_network_is_a_rule(meet: Meet) -> None:
    settings = Settings(controller="10.0.0.0/24")
    isolated = replace(
        REQUEST, isolated=True, labels=replace(REQUEST.labels, role=Role.TWIN), network=NETWORK
    )
    double, cloud = meet(
        Network("198.51.100.7"), settings=settings, double={"extensions": EXTENSIONS}
    )
    cloud.create_instance(isolated)
    grouped = rules_of(double)
    double, cloud = meet(
        Network("198.51.100.7"), settings=settings, double={"extensions": WITHOUT_GROUPS}
    )
    assert any("no address groups" in note for note in cloud.capabilities.notes)
    cloud.create_instance(isolated)
    counted = rules_of(double)
    assert not [rule for rule in counted if "remote_address_group_id" in rule]
    assert [rule for rule in grouped if "remote_address_group_id" in rule]
    web = [rule for rule in counted if rule.get("port_range_min") == 443]
    assert len(web) > 10
    assert len(counted) <= 90
    open_to = {rule.get("remote_ip_prefix") for rule in counted if rule["direction"] == "egress"}
    assert "0.0.0.0/0" not in open_to


def test_without_address_groups_many_own_addresses_fit_too() -> None:
    """What is left out gets wider; nothing forbidden gets in."""
    own = [f"{number}.7.7.7" for number in range(40, 60)]
    rules = count_up_rules(["10.0.0.0/24"], own)
    assert len(rules) <= 90
    reached = [
        ip_network(rule["remote_ip_prefix"])
        for rule in rules
        if rule["direction"] == "egress" and "remote_ip_prefix" in rule
    ]
    for address in (*own, "10.1.2.3", "169.254.169.254", "172.20.0.1", "192.168.1.1", "100.64.0.1"):
        assert not any(ip_address(address) in network for network in reached), address
    assert any(ip_address("151.101.2.132") in network for network in reached), "a mirror"


def test_where_no_width_fits_nothing_is_made() -> None:
    own = [f"{number}.7.7.7" for number in range(1, 220, 2)]
    with pytest.raises(Refused, match="no isolated instance can be made here"):
        count_up_rules(["10.0.0.0/24"], own)
