"""Public addresses: floating IPs, or a fixed IP with the port that carries it."""

import time
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Final

from releve.errors import Busy, Changed, Missing, Refused
from releve.model.resources import Address
from releve.providers.openstack.abilities import Abilities
from releve.providers.openstack.api import Content, OpenstackApi
from releve.providers.openstack.cut_off import CutOff
from releve.providers.openstack.errors import make_error, reading
from releve.providers.openstack.instances import Instances, is_isolated
from releve.providers.openstack.ports import Ports

_UNPLUG_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Place:
    """Where an address is kept; a floating one leads to a port, a fixed one is its port."""

    address: str
    content: Content
    port: Content | None
    is_floating: bool

    @property
    def revision(self) -> str:
        return str(self.content.get("revision_number", ""))


class Addresses:
    def __init__(
        self,
        api: OpenstackApi,
        instances: Instances,
        *,
        ports: Ports,
        cut_off: CutOff,
        abilities: Abilities,
    ) -> None:
        self._api = api
        self._instances = instances
        self._ports = ports
        self._cut_off = cut_off
        self._abilities = abilities

    def get(self, address: str) -> Address:
        """Refused for a port that Nova made itself: it would be deleted, not moved."""
        place = self._find(address)
        with reading(f"reading address {address}"):
            owner = owner_of(place)
            if owner and not place.is_floating:
                self._require_movable(place, owner)
            return Address(address, owner, revision=revise(place), with_port=not place.is_floating)

    def move(self, address: str, instance_id: str, *, expected: Address) -> None:
        target = self._instances.read(instance_id) if instance_id else None
        if target is not None and is_isolated(target):
            raise Refused(
                f"{address} does not lead to {instance_id}",
                why="that instance is isolated: it must not serve",
                remedy="Choose an instance on the hosts' own network",
            )
        place, what = self._find(address), f"moving {address} to {instance_id or 'no instance'}"
        with reading(f"reading address {address}"):
            owner = owner_of(place)
            if owner != expected.instance_id or revise(place) != expected.revision:
                why = f"it is on {owner or 'no instance'}, and no longer as it was looked at"
                raise make_error(Changed, what, why=why)
            if owner == instance_id:
                return
            if place.is_floating:
                self._lead(place, instance_id, what=what)
            else:
                self._plug(place, instance_id, owner=owner, what=what)

    def _find(self, address: str) -> Place:
        try:
            ip_address(address)
        except ValueError as error:
            raise make_error(
                Missing, f"no address {address!r}", why="it is no IP address"
            ) from error
        if self._abilities.has_floating_addresses:
            found = self._api.list_all(
                "network",
                ("floatingips",),
                key="floatingips",
                params={"floating_ip_address": address},
            )
            with reading(f"reading address {address}"):
                for content in found:
                    if content["floating_ip_address"] == address:
                        held = str(content["port_id"] or "")
                        port = self._ports.read(held) if held else None
                        return Place(address, content, port, is_floating=True)
        return self._find_fixed(address)

    def _find_fixed(self, address: str) -> Place:
        filters = {"fixed_ips": f"ip_address={address}"}
        found = self._api.list_all("network", ("ports",), key="ports", params=filters)
        with reading(f"reading the port of {address}"):
            for content in found:
                held = {str(item["ip_address"]) for item in content["fixed_ips"]}
                if address in held:
                    return Place(address, content, content, is_floating=False)
        raise Missing(
            f"no address {address!r}",
            why="this project has neither a floating IP nor a port of this address",
            remedy="See what exists with: openstack floating ip list, openstack port list",
        )

    def _lead(self, place: Place, instance_id: str, *, what: str) -> None:
        port = self._choose_port(place, instance_id) if instance_id else None
        body = {"floatingip": {"port_id": port}}
        insisting = place.revision if self._abilities.has_revisions else ""
        path = ("floatingips", str(place.content["id"]))
        try:
            self._api.put("network", path, body, what=what, revision=insisting)
        except Missing as error:
            why = f"its port is on no network that reaches this address: {error.why}"
            raise make_error(Refused, what, why=why) from error

    def _choose_port(self, place: Place, instance_id: str) -> str:
        """On the network that the address led to before, where there is one."""
        ports = [port for port in self._ports.list_of_instance(instance_id) if port["fixed_ips"]]
        before = (place.port or {}).get("network_id")
        ordered = sorted(ports, key=lambda port: port["network_id"] != before)
        if ordered:
            return str(ordered[0]["id"])
        raise Busy(
            f"{instance_id} has no port with an address yet",
            why="it is still being built, or has no network",
            remedy="Look at it again",
        )

    def _plug(self, place: Place, instance_id: str, *, owner: str, what: str) -> None:
        """The port itself moves; killed half-way it is on no instance, which a look shows."""
        port_id = str(place.content["id"])
        if owner:
            self._require_movable(place, owner)
            content = self._instances.read(owner)
            path = ("servers", owner, "os-interface", port_id)
            with self._instances.lifted(content):
                self._api.delete("compute", path, what=what)
                self._await_unplugged(port_id, what=what)
        if instance_id:
            if self._cut_off.holds(instance_id):  # it comes up with the others, at the reconnect
                self._cut_off.switch_off(port_id, what=what)
            else:
                self._ports.set_state(port_id, up=True, what=what)
            body = {"interfaceAttachment": {"port_id": port_id}}
            with self._instances.lifted(self._instances.read(instance_id)):
                self._api.post("compute", ("servers", instance_id, "os-interface"), body, what=what)

    def _await_unplugged(self, port_id: str, *, what: str) -> None:
        give_up = time.monotonic() + _UNPLUG_SECONDS
        while self._ports.read(port_id)["device_id"]:
            if time.monotonic() > give_up:
                why = f"port {port_id} is not free after {_UNPLUG_SECONDS:g} s"
                raise make_error(Busy, what, why=why)
            time.sleep(_POLL_SECONDS)

    def _require_movable(self, place: Place, owner: str) -> None:
        """Nova deletes a port that it made itself with the instance or the interface."""
        try:
            made = self._instances.read(owner)["created"]
        except Missing:
            return
        if read_time(place.content["created_at"]) < read_time(made):
            return
        raise Refused(
            f"{place.address} cannot move from {owner}",
            why=f"its port {place.content['id']} is younger than that instance: Nova made it, and"
            " deletes it as soon as it leaves",
            remedy="Use a floating IP; or make a port first and then an instance on it, as the"
            " guide says",
        )


def owner_of(place: Place) -> str:
    """The instance; where something else has it, such as a load balancer, that one's id."""
    port = place.port
    return "" if port is None else str(port["device_id"] or "")


def revise(place: Place) -> str:
    """Neutron's count of the address; of a fixed one, its port's holder as well."""
    if place.is_floating:
        return place.revision
    return str(place.content["device_id"] or "")


def read_time(text: str) -> datetime:
    return datetime.fromisoformat(text)
