"""Network ports: made before their instance, under a name and with labels of the run."""

from collections.abc import Sequence
from dataclasses import dataclass

from releve.errors import Ambiguous, Busy, Missing, Refused
from releve.model.resources import Labels, Port
from releve.providers.openstack.api import Content, OpenstackApi
from releve.providers.openstack.errors import reading
from releve.providers.openstack.ids import require_id
from releve.providers.openstack.labels import pack_labels, unpack_labels
from releve.providers.openstack.names import tell_names


@dataclass(frozen=True)
class PortDraft:
    """All that the POST says; an empty tuple of groups: the project's default."""

    name: str
    network_id: str
    labels: Labels
    security_groups: tuple[str, ...] = ()


class Ports:
    def __init__(self, api: OpenstackApi, *, network: str, security_groups: Sequence[str]) -> None:
        self._api = api
        self._network = network
        self._security_groups = tuple(security_groups)

    def find(self, name: str) -> tuple[Port, ...]:
        contents = self._api.list_all("network", ("ports",), key="ports", params={"name": name})
        with reading(f"reading the ports called {name}"):
            return tuple(describe_port(item) for item in contents if item["name"] == name)

    def list_of_instance(self, instance_id: str) -> list[Content]:
        contents = self._api.list_all(
            "network", ("ports",), key="ports", params={"device_id": instance_id}
        )
        with reading(f"reading the ports of instance {instance_id}"):
            return [item for item in contents if item["device_id"] == instance_id]

    def read(self, port_id: str) -> Content:
        require_id(port_id, kind="port")
        content = self._api.get("network", "ports", port_id)
        with reading(f"reading port {port_id}"):
            return dict(content["port"])

    def create(self, draft: PortDraft) -> str:
        body: dict[str, object] = {
            "name": draft.name,
            "network_id": draft.network_id,
            "description": pack_labels(draft.labels),
        }
        if draft.security_groups:
            body["security_groups"] = list(draft.security_groups)
        what = f"making port {draft.name}"
        content = self._api.post("network", ("ports",), {"port": body}, what=what)
        with reading(what):
            return str(content["port"]["id"])

    def set_state(self, port_id: str, *, up: bool, what: str) -> None:
        self._api.put("network", ("ports", port_id), {"port": {"admin_state_up": up}}, what=what)

    def delete(self, port_id: str, *, what: str, revision: str = "") -> None:
        """Changed where the revision is given and no longer true."""
        path = ("ports", require_id(port_id, kind="port"))
        self._api.delete("network", path, what=what, revision=revision)

    def find_network(self, network: str) -> Content:
        """By exact name or id; with neither in plan nor request, the only one there is."""
        wanted = network or self._network
        contents = self._api.list_all("network", ("networks",), key="networks")
        with reading("reading the list of networks"):
            if not wanted:
                return _choose_only(contents)
            found = [item for item in contents if wanted in (item["id"], item["name"])]
        if not found:
            raise Missing(
                f"there is no network {wanted}",
                why=tell_names(str(item["name"]) for item in contents),
                remedy="See what exists with: openstack network list",
            )
        if len(found) > 1:
            raise Ambiguous(
                f"{len(found)} networks are called {wanted}",
                why=", ".join(sorted(str(item["id"]) for item in found)),
                remedy="Name the network by its id",
            )
        return found[0]

    def find_security_groups(self) -> tuple[str, ...]:
        """The ids of those that the plan names."""
        if not self._security_groups:
            return ()
        contents = self._api.list_all("network", ("security-groups",), key="security_groups")
        with reading("reading the list of security groups"):
            return tuple(_pick_group(contents, wanted) for wanted in self._security_groups)


def provide_port(ports: Ports, draft: PortDraft) -> str:
    """One that an interrupted create left is taken; Busy where an instance has it."""
    for port in ports.find(draft.name):
        if port.labels.get("releve.run") != draft.labels.run:
            continue
        holder = ports.read(port.id).get("device_id")
        if not holder:
            return port.id
        raise Busy(
            f"port {draft.name} is in use",
            why=f"it is on {holder}, which may be the instance that was asked for",
            remedy="Look at it again",
        )
    return ports.create(draft)


def describe_port(content: Content) -> Port:
    return Port(
        id=str(content["id"]),
        name=str(content["name"]),
        address=next(iter(addresses_of(content)), ""),
        labels=unpack_labels(content.get("description", "")),
        instance_id=str(content.get("device_id") or ""),
    )


def addresses_of(content: Content) -> list[str]:
    """IPv4 before IPv6."""
    addresses = [str(item["ip_address"]) for item in content.get("fixed_ips") or []]
    return sorted(addresses, key=lambda address: ":" in address)


def _choose_only(contents: Sequence[Content]) -> Content:
    own = [item for item in contents if not item.get("router:external")] or list(contents)
    if len(own) == 1:
        return own[0]
    raise Refused(
        "the plan names no network",
        why=f"there are {len(own)} that an instance could be on",
        remedy="Set network in the plan, of the host or of the provider",
    )


def _pick_group(contents: Sequence[Content], wanted: str) -> str:
    found = [str(item["id"]) for item in contents if wanted in (item["id"], item["name"])]
    if len(found) == 1:
        return found[0]
    kind = Ambiguous if found else Missing
    raise kind(
        f"{len(found)} security groups are called {wanted}"
        if found
        else f"there is no security group {wanted}",
        why=", ".join(sorted(found)) or tell_names(str(item["name"]) for item in contents),
        remedy="See what exists with: openstack security group list",
    )
