"""The network of isolated instances: a bridge apart, with an ACL between it and all else.

LXD holds an ACL of a bridge at its edge only, so that each isolated instance is also kept from
the others on the bridge. Made when first needed, taken away with the last isolated instance.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Final

from releve.errors import Busy, Missing, ProviderError, Refused
from releve.providers.lxd.api import LxdApi
from releve.providers.lxd.errors import reading

MAIL_PORTS: Final = "25,465,587,2525"
# Kept from an instance's labels, and true for its whole life.
ISOLATED_KEY: Final = "user.releve.isolated"
_SUFFIX: Final = "-iso"
_LONGEST_NAME: Final = 15  # of a network interface on Linux
_MADE: Final = {"user.releve.made": "isolation"}
# A lab takes its subnets from the quarter before this one.
_RANGE: Final = ipaddress.IPv4Network("10.128.0.0/10")


class Isolation:
    def __init__(self, api: LxdApi, *, network: str) -> None:
        self._api = api
        self._base = network
        self.network = name_network(network or f"lxd-{api.project}")

    def list_shortfalls(self) -> tuple[str, ...]:
        server = self._api.get()
        with reading("reading what the server can do"):
            firewall = server["environment"].get("firewall", "")
            has_acls = "network_bridge_acl" in server["api_extensions"]
        if has_acls and firewall == "nftables":
            return ()
        return (f"no isolated network: that needs ACLs on nftables, LXD has {firewall or 'none'}",)

    def ensure(self) -> None:
        """The network and its ACL, which names every other network that there is now."""
        shortfalls = self.list_shortfalls()
        if shortfalls:
            raise Refused(
                "no isolated instance can be made here",
                why=shortfalls[0],
                remedy="Install nftables on the LXD host, or drill in a lab",
            )
        networks = self._list_networks()
        self._ensure_acl(networks)
        if not any(network["name"] == self.network for network in networks):
            config = self._make_config(networks)
            body = {"name": self.network, "type": "bridge", "config": config}
            self._send(("networks",), body, what=f"making network {self.network}")
        self._require_own()

    def remove_unused(self) -> None:
        """Leave it where anything still uses it, or where a create is about to."""
        try:
            network = self._api.get("networks", self.network)
        except Missing:
            return
        with reading(f"reading network {self.network}"):
            is_ours = _MADE.items() <= network["config"].items()
            is_used = bool(network.get("used_by"))
        if not is_ours or is_used:
            return
        for kind in ("networks", "network-acls"):
            try:
                self._api.delete((kind, self.network), what=f"deleting {kind} {self.network}")
            except ProviderError:
                return  # taken into use meanwhile; the next deletion tries again

    def _list_networks(self) -> list[Mapping[str, Any]]:
        networks = self._api.get("networks", recursion="1")
        with reading("reading the list of networks"):
            return [dict(network) for network in networks or []]

    def _ensure_acl(self, networks: Iterable[Mapping[str, Any]]) -> None:
        with reading("reading the networks to be kept apart"):
            managed = [item for item in networks if item["managed"] and not self._is_own(item)]
            kept_apart = {subnet for network in managed for subnet in list_subnets(network)}
        for network in managed:
            kept_apart |= self._list_forwards(network["name"])
        rules = make_rules(sorted(kept_apart))
        try:
            current = self._api.get_tagged("network-acls", self.network)
        except Missing:
            body = {"name": self.network, "config": _MADE} | rules
            self._send(("network-acls",), body, what=f"making network ACL {self.network}")
            return
        if any(current.content.get(key) != rule for key, rule in rules.items()):
            body = {"description": "", "config": _MADE} | rules
            what = f"bringing network ACL {self.network} up to date"
            self._api.put(("network-acls", self.network), body, what=what, etag=current.etag)

    def _list_forwards(self, network: str) -> set[str]:
        try:
            forwards = self._api.get("networks", network, "forwards", recursion="1")
        except ProviderError:  # a kind of network that has none
            return set()
        with reading(f"reading the forwards of network {network}"):
            return {str(forward["listen_address"]) for forward in forwards or []}

    def _make_config(self, networks: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        with reading("reading the networks beside the isolated one"):
            taken = {subnet for network in networks for subnet in list_subnets(network)}
            base = next((item for item in networks if item["name"] == self._base), None)
            mtu = str((base or {"config": {}})["config"].get("bridge.mtu", ""))
        subnet = choose_subnet(taken | self._list_addresses(networks), seed=self.network)
        config = {
            "ipv4.address": f"{subnet[1]}/{subnet.prefixlen}",
            "ipv4.nat": "true",
            "ipv6.address": "none",
            "security.acls": self.network,
            "security.acls.default.egress.action": "allow",
            "security.acls.default.ingress.action": "allow",
        }
        return config | _MADE | ({"bridge.mtu": mtu} if mtu else {})

    def _list_addresses(self, networks: Iterable[Mapping[str, Any]]) -> set[str]:
        """Of every interface of the LXD host, those of other labs and bridges too."""
        found = set()
        for network in networks:
            try:
                state = self._api.get("networks", network["name"], "state")
            except ProviderError:  # an interface that went away
                continue
            with reading(f"reading the addresses of {network['name']}"):
                found |= {
                    f"{entry['address']}/{entry['netmask']}"
                    for entry in state.get("addresses") or []
                    if entry["family"] == "inet"
                }
        return found

    def _send(self, path: tuple[str, ...], body: dict[str, Any], *, what: str) -> None:
        try:
            self._api.post(path, body, what=what)
        except Busy:
            return  # another run made it meanwhile; what is there is read back

    def _require_own(self) -> None:
        """An instance must never land on a network of this name that does not isolate."""
        network = self._api.get("networks", self.network)
        with reading(f"reading network {self.network}"):
            config = network["config"]
            is_right = _MADE.items() <= config.items() and config["security.acls"] == self.network
        if not is_right:
            raise Refused(
                f"network {self.network} is not Relève's",
                why="its configuration does not say that it isolates",
                remedy=f"Rename or delete it: lxc network delete {self.network}",
            )

    def _is_own(self, network: Mapping[str, Any]) -> bool:
        return bool(network["name"] == self.network)


def name_network(base: str) -> str:
    """The same for the same base; the base's name and a suffix where that is short enough."""
    if len(base) + len(_SUFFIX) <= _LONGEST_NAME:
        return f"{base}{_SUFFIX}"
    return f"{base[:5]}{hashlib.sha256(base.encode()).hexdigest()[:6]}{_SUFFIX}"


def make_device(network: str) -> dict[str, str]:
    return {"type": "nic", "name": "eth0", "network": network, "security.port_isolation": "true"}


def list_subnets(network: Mapping[str, Any]) -> set[str]:
    """Of a managed network, as its configuration has them."""
    config = network.get("config") or {}
    found = (str(config.get(f"{family}.address", "none")) for family in ("ipv4", "ipv6"))
    return {
        str(ipaddress.ip_interface(address).network)
        for address in found
        if address not in {"", "none", "auto"}
    }


def make_rules(kept_apart: list[str]) -> dict[str, list[dict[str, str]]]:
    """LXD takes rejections before the default, which allows what is not named here."""
    mail = {"action": "reject", "protocol": "tcp", "destination_port": MAIL_PORTS}
    egress = [mail, *({"action": "reject", "destination": one} for one in kept_apart)]
    ingress = [{"action": "reject", "source": one} for one in kept_apart]
    enabled = {"state": "enabled"}
    return {
        "egress": [rule | enabled for rule in egress],
        "ingress": [rule | enabled for rule in ingress],
    }


def choose_subnet(taken: Iterable[str], *, seed: str) -> ipaddress.IPv4Network:
    """The first free one from a place the seed decides, so that two daemons seldom meet."""
    in_use = [ipaddress.IPv4Network(one, strict=False) for one in taken if ":" not in one and one]
    subnets = tuple(_RANGE.subnets(new_prefix=24))
    start = int(hashlib.sha256(seed.encode()).hexdigest()[:8], 16) % len(subnets)
    for candidate in subnets[start:] + subnets[:start]:
        if not any(candidate.overlaps(one) for one in in_use):
            return candidate
    raise Refused(
        "no subnet is free for isolated instances",
        why="10.128.0.0/10 is all in use on the LXD host",
        remedy="Free a /24 in that range",
    )
