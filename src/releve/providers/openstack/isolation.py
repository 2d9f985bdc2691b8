"""The security group of isolated instances: the controller reaches them, they reach mirrors.

Neutron's groups only allow. So what an isolated instance may reach is counted up: name servers
anywhere, and the web ports of every public address that is not this project's own. The group is
brought up to date before each use, and taken away with the last isolated instance.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final

from releve.errors import ProviderError, Refused
from releve.model.resources import InstanceRequest
from releve.providers.openstack.abilities import Abilities
from releve.providers.openstack.api import Content, OpenstackApi
from releve.providers.openstack.errors import reading
from releve.providers.openstack.ports import PortDraft, Ports, provide_port
from releve.providers.openstack.public_space import list_public
from releve.providers.openstack.settings import Settings

_NAME: Final = "releve-isolated"
_MADE: Final = "made by Relève for isolated instances; it goes with the last one"
_WEB_PORTS: Final = (80, 443)
_NAME_PORT: Final = 53
_MOST_RULES: Final = 90  # without address groups; a project is usually allowed 100
_WIDTHS: Final = (32, 24, 20, 16, 14, 12, 11, 10, 9, 8)  # of what is left out of the public space
_TOLD: Final = (
    "direction", "ethertype", "protocol", "port_range_min", "port_range_max",
    "remote_ip_prefix", "remote_address_group_id",
)  # fmt: skip

Rule = dict[str, Any]


@dataclass(frozen=True)
class Ground:
    """The network that isolated instances are on, and who may reach them there."""

    network_id: str
    sources: tuple[str, ...]

    @property
    def group_name(self) -> str:
        return f"{_NAME}-{self.network_id[:8]}"


class Isolation:
    def __init__(
        self, api: OpenstackApi, settings: Settings, *, ports: Ports, abilities: Abilities
    ) -> None:
        self._api = api
        self._settings = settings
        self._ports = ports
        self._abilities = abilities

    def list_shortfalls(self, network: str) -> tuple[str, ...]:
        if not self._abilities.has_security_groups:
            return ("no isolated instance: that needs the extension security-group of Neutron",)
        try:
            self._find_ground(network)
        except ProviderError as error:
            return (str(error),)
        return ()

    def provide_port(self, request: InstanceRequest) -> str:
        shortfalls = self.list_shortfalls(request.network)
        if shortfalls:
            raise Refused(
                "no isolated instance can be made here",
                why=shortfalls[0],
                remedy="Set provider.controller in the plan, or drill in a lab",
            )
        ground = self._find_ground(request.network)
        group = self._ensure_group(ground)
        draft = PortDraft(request.name, ground.network_id, request.labels, (group,))
        return provide_port(self._ports, draft)

    def remove_unused(self) -> None:
        """Neutron keeps a group that a port still has."""
        kinds = ["security-groups"] + (
            ["address-groups"] if self._abilities.has_address_groups else []
        )
        for kind in kinds:
            for content in self._list_own(kind, kind.replace("-", "_")):
                try:
                    what = f"deleting {content['name']}"
                    self._api.delete("network", (kind, str(content["id"])), what=what)
                except ProviderError:
                    return  # in use; the next deletion tries again

    def _find_ground(self, network: str) -> Ground:
        content = self._ports.find_network(network)
        network_id = str(content["id"])
        if self._settings.controller:
            return Ground(network_id, (str(ip_network(self._settings.controller)),))
        if content.get("router:external"):
            raise Refused(
                "no isolated instance can be made on a public network",
                why="the plan does not say from where the controller reaches it",
                remedy="Set provider.controller to the controller's address",
            )
        subnets = self._api.list_all(
            "network", ("subnets",), key="subnets", params={"network_id": network_id}
        )
        with reading(f"reading the subnets of network {network_id}"):
            sources = [str(item["cidr"]) for item in subnets if int(item["ip_version"]) == 4]
        return Ground(network_id, tuple(sorted(sources)))

    def _ensure_group(self, ground: Ground) -> str:
        found = self._list_own("security-groups", "security_groups", name=ground.group_name)
        group = str(found[0]["id"]) if found else self._make_group(ground.group_name)
        wanted = self._make_rules(ground)
        rules = self._api.list_all(
            "network", ("security-group-rules",), key="security_group_rules",
            params={"security_group_id": group},
        )  # fmt: skip
        with reading(f"reading the rules of {ground.group_name}"):
            for rule in rules:
                if not any(is_same(rule, other) for other in wanted):
                    what = f"taking a rule from {ground.group_name}"
                    path = ("security-group-rules", str(rule["id"]))
                    self._api.delete("network", path, what=what)
            missing = [rule for rule in wanted if not any(is_same(other, rule) for other in rules)]
        for rule in missing:
            body = {"security_group_rule": {"security_group_id": group, **rule}}
            what = f"giving {ground.group_name} a rule"
            self._api.post("network", ("security-group-rules",), body, what=what)
        return group

    def _make_group(self, name: str) -> str:
        """Neutron gives it two rules that allow everything out; these go at once."""
        body = {"security_group": {"name": name, "description": _MADE}}
        what = f"making security group {name}"
        content = self._api.post("network", ("security-groups",), body, what=what)
        with reading(what):
            return str(content["security_group"]["id"])

    def _make_rules(self, ground: Ground) -> list[Rule]:
        own = self._list_own_addresses()
        if self._abilities.has_address_groups:
            group = self._ensure_addresses(ground, list_public(own))
            return make_rules(ground.sources, [{"remote_address_group_id": group}])
        return count_up_rules(ground.sources, own)

    def _ensure_addresses(self, ground: Ground, public: Iterable[str]) -> str:
        name, wanted = ground.group_name, sorted(public)
        found = self._list_own("address-groups", "address_groups", name=name)
        if not found:
            body = {"address_group": {"name": name, "description": _MADE, "addresses": wanted}}
            what = f"making address group {name}"
            content = self._api.post("network", ("address-groups",), body, what=what)
            with reading(what):
                return str(content["address_group"]["id"])
        identity, present = str(found[0]["id"]), set(found[0]["addresses"])
        changes = (
            ("remove_addresses", sorted(present - set(wanted))),
            ("add_addresses", sorted(set(wanted) - present)),
        )
        for verb, addresses in changes:
            if addresses:
                path, what = ("address-groups", identity, verb), f"bringing {name} up to date"
                self._api.put("network", path, {"addresses": addresses}, what=what)
        return identity

    def _list_own_addresses(self) -> set[str]:
        """Public addresses of this project: its hosts answer there."""
        found: set[str] = set()
        with reading("reading the project's own addresses"):
            if self._abilities.has_floating_addresses:
                floating = self._api.list_all("network", ("floatingips",), key="floatingips")
                found |= {str(item["floating_ip_address"]) for item in floating}
            for port in self._api.list_all("network", ("ports",), key="ports"):
                found |= {str(item["ip_address"]) for item in port["fixed_ips"]}
        return found

    def _list_own(self, kind: str, key: str, **params: str) -> list[Content]:
        contents = self._api.list_all("network", (kind,), key=key, params=params)
        own = [item for item in contents if item.get("description") == _MADE]
        return sorted(own, key=lambda item: str(item["id"]))


def count_up_rules(sources: Iterable[str], own: Iterable[str]) -> list[Rule]:
    """As many public networks as fit: the fewer rules there may be, the more is left out."""
    sources, own = list(sources), list(own)
    for width in _WIDTHS:
        networks = list_public(own, width=width)
        rules = make_rules(sources, [{"remote_ip_prefix": network} for network in networks])
        if len(rules) <= _MOST_RULES:
            return rules
    raise Refused(
        "no isolated instance can be made here",
        why=f"its security group would need {len(rules)} rules, and the extension address-group is"
        " not there",
        remedy="Drill in a lab",
    )


def make_rules(sources: Iterable[str], targets: Iterable[Mapping[str, str]]) -> list[Rule]:
    """In: TCP from where the controller is. Out: names anywhere, the web to the targets."""
    names = {"port_range_min": _NAME_PORT, "port_range_max": _NAME_PORT}
    coming: list[Rule] = [
        {
            "direction": "ingress",
            "ethertype": f"IPv{ip_network(source).version}",
            "protocol": "tcp",
            "remote_ip_prefix": source,
        }
        for source in sources
    ]
    going: Rule = {"direction": "egress", "ethertype": "IPv4"}
    asking = [going | names | {"protocol": protocol} for protocol in ("tcp", "udp")]
    fetching = [
        going | {"protocol": "tcp", "port_range_min": port, "port_range_max": port} | dict(target)
        for port in _WEB_PORTS
        for target in targets
    ]
    return [*coming, *asking, *fetching]


def is_same(rule: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all((rule.get(key) or None) == (other.get(key) or None) for key in _TOLD)
