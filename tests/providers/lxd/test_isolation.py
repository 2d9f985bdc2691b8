"""Where an isolated instance can go, tried with real sockets; and the pure choices behind it."""

import ipaddress
import json
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from releve.errors import Refused
from releve.lab.settings import LabPaths
from releve.model.resources import Role
from releve.providers.lxd.isolation import choose_subnet, list_subnets, make_rules, name_network
from tests.contracts.asking import delete, make_request, make_running
from tests.contracts.lxd_range import LxdRange

MAIL_PORTS = (25, 465, 587, 2525)
OTHER_PORT = 8079


class TestChoices:
    def test_the_network_s_name_fits_an_interface(self) -> None:
        assert name_network("lxdbr0") == "lxdbr0-iso"
        long = [name_network(f"a-very-long-network-{number}") for number in range(3)]
        assert len(set(long)) == 3
        assert all(len(name) <= 15 for name in long)

    def test_a_lab_sweeps_the_one_beside_its_own(self, lab_paths: LabPaths) -> None:
        assert lab_paths.bridges == (lab_paths.bridge, name_network(lab_paths.bridge))

    def test_a_subnet_is_free_and_not_a_lab_s(self) -> None:
        first = choose_subnet((), seed="one")
        second = choose_subnet((str(first), "fd00::/64", "172.16.0.1/12"), seed="one")
        assert not first.overlaps(second)
        labs = ipaddress.ip_network("10.64.0.0/10")
        assert not first.overlaps(labs)
        assert choose_subnet((), seed="two") != first
        with pytest.raises(Refused):
            choose_subnet(("10.0.0.0/8",), seed="one")

    def test_every_other_network_is_rejected_both_ways(self) -> None:
        rules = make_rules(["10.1.0.0/24", "198.51.100.7"])
        assert [rule.get("destination") for rule in rules["egress"]] == [
            None,
            "10.1.0.0/24",
            "198.51.100.7",
        ]
        assert [rule["source"] for rule in rules["ingress"]] == ["10.1.0.0/24", "198.51.100.7"]
        actions = {rule["action"] for rule in (*rules["egress"], *rules["ingress"])}
        assert actions == {"reject"}

    def test_a_network_without_addresses_has_no_subnet(self) -> None:
        assert list_subnets({"config": {"ipv4.address": "none", "ipv6.address": "auto"}}) == set()
        config = {"ipv4.address": "10.1.2.1/24", "ipv6.address": "fd42::1/64"}
        assert list_subnets({"config": config}) == {"10.1.2.0/24", "fd42::/64"}


@pytest.fixture
def lab_paths(tmp_path: Path) -> LabPaths:
    return LabPaths(tmp_path)


@pytest.fixture(scope="module")
def twins(ground: LxdRange) -> Iterator[tuple[str, str]]:
    requests = [make_request(ground, role=Role.TWIN, isolated=True) for _ in range(2)]
    first, second = (make_running(ground, request) for request in requests)
    yield first, second
    delete(ground, first)
    assert list_isolated_networks(ground) == [name_network(ground.network)]
    delete(ground, second)
    assert list_isolated_networks(ground) == []  # gone with the last of them, and so its ACL
    assert ground.client.get("/1.0/network-acls") == []


@pytest.mark.real
@pytest.mark.xdist_group("lxd")
class TestIsolatedInstance:
    def test_sends_no_mail_to_anybody(self, ground: LxdRange, twins: tuple[str, str]) -> None:
        gateway, outside = gateway_of(ground), address_of_machine()
        for port in MAIL_PORTS:
            with listening(gateway, port), listening(outside, port):
                assert can_connect_from_here(outside, port)
                assert not can_connect(ground, twins[0], gateway, port)
                assert not can_connect(ground, twins[0], outside, port)

    def test_reaches_another_port_outside(self, ground: LxdRange, twins: tuple[str, str]) -> None:
        outside = address_of_machine()
        with listening(outside, OTHER_PORT):
            assert can_connect(ground, twins[0], outside, OTHER_PORT)

    def test_reaches_no_host(self, ground: LxdRange, twins: tuple[str, str]) -> None:
        host = ground.lab.host
        bridge = network_config(ground, ground.network)["ipv4.address"].partition("/")[0]
        for address in (host.private_address, host.address):
            assert can_connect_from_here(address, 22)
            assert not can_connect(ground, twins[0], address, 22)
        with listening(bridge, OTHER_PORT):
            assert not can_connect(ground, twins[0], bridge, OTHER_PORT)

    def test_is_reached_by_the_controller_and_no_host(
        self, ground: LxdRange, twins: tuple[str, str]
    ) -> None:
        address = ground.provider.get_instance(twins[0]).private_address
        ground.wait_until(lambda: can_connect_from_here(address, 22), "sshd answers")
        assert not can_connect(ground, ground.lab.host.name, address, 22)
        assert not can_connect(ground, twins[1], address, 22)

    def test_asks_for_names(self, ground: LxdRange, twins: tuple[str, str]) -> None:
        assert can_connect(ground, twins[0], gateway_of(ground), 53)

    def test_has_the_hosts_packet_size(self, ground: LxdRange, twins: tuple[str, str]) -> None:
        wanted = network_config(ground, ground.network)["bridge.mtu"]
        seen = ground.client.execute(twins[0], ["cat", "/sys/class/net/eth0/mtu"])
        assert seen.output.strip() == wanted

    def test_a_network_made_later_is_out_of_reach_with_the_next_twin(
        self, ground: LxdRange, twins: tuple[str, str]
    ) -> None:
        del twins
        name = f"late{secrets.token_hex(3)}"
        config = {"ipv4.address": "10.255.77.1/24", "ipv6.address": "none"}
        ground.client.act("POST", "/1.0/networks", {"name": name, "config": config})
        request = make_request(ground, role=Role.TWIN, isolated=True)
        third = make_running(ground, request)
        with listening("10.255.77.1", OTHER_PORT):
            assert not can_connect(ground, third, "10.255.77.1", OTHER_PORT)
        delete(ground, third)
        ground.client.act("DELETE", f"/1.0/networks/{name}", {})


def list_isolated_networks(ground: LxdRange) -> list[str]:
    names = [path.rsplit("/", maxsplit=1)[-1] for path in ground.client.get("/1.0/networks")]
    return [name for name in names if name == name_network(ground.network)]


def network_config(ground: LxdRange, network: str) -> dict[str, str]:
    config = ground.client.get(f"/1.0/networks/{network}")["config"]
    return {str(key): str(text) for key, text in config.items()}


def gateway_of(ground: LxdRange) -> str:
    config = network_config(ground, name_network(ground.network))
    return config["ipv4.address"].partition("/")[0]


def address_of_machine() -> str:
    """Where the machine is on the network beyond all bridges; the way out leads there."""
    routes = json.loads(run("ip", "-json", "-4", "route", "show", "default"))
    links = json.loads(run("ip", "-json", "-4", "address", "show", "dev", routes[0]["dev"]))
    return str(links[0]["addr_info"][0]["local"])


def run(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@contextmanager
def listening(address: str, port: int) -> Iterator[None]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen()
        yield


def can_connect_from_here(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=3):
            return True
    except OSError:
        return False


def can_connect(ground: LxdRange, instance: str, address: str, port: int) -> bool:
    script = f"timeout 3 bash -c '</dev/tcp/{address}/{port}'"
    return ground.client.execute(instance, ["sh", "-c", script]).exit_code == 0
