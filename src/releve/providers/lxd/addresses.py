"""Public addresses: network forwards, whose default target is an instance's private address.

A stopped instance has no private address any more. So that the owner stays known, a move notes
the instance and its target in the forward's own configuration; the note counts as long as the
forward still has that target.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from releve.errors import Busy, Changed, Missing, Refused
from releve.model.resources import Address
from releve.providers.lxd import draft as drafts
from releve.providers.lxd.api import LxdApi, Tagged
from releve.providers.lxd.draft import Draft
from releve.providers.lxd.errors import make_error, reading
from releve.providers.lxd.instances import Instances
from releve.providers.lxd.leases import read_leases

_NOTED_INSTANCE: Final = "user.releve.instance"
_NOTED_TARGET: Final = "user.releve.target"
_NOTED_EARLIER: Final = "user.releve.earlier"  # JSON: the instance before, and its target
_TARGET: Final = "target_address"


@dataclass(frozen=True)
class Forward:
    network: str
    address: str
    tagged: Tagged

    @property
    def config(self) -> dict[str, str]:
        return {str(key): str(text) for key, text in (self.tagged.content["config"] or {}).items()}

    @property
    def target(self) -> str:
        return self.config.get(_TARGET, "")


class Addresses:
    def __init__(self, api: LxdApi, instances: Instances, *, network: str) -> None:
        self._api = api
        self._instances = instances
        self._network = network

    def get(self, address: str) -> Address:
        forward = self._find(address)
        with reading(f"reading the forward of {address}"):
            owner = self._owner_of(forward)
        return Address(address, owner, revision=forward.tagged.etag)

    def move(self, address: str, instance: str, *, expected: Address) -> None:
        if instance and self._instances.get(instance).isolated:
            raise Refused(
                f"{address} does not lead to {instance}",
                why="that instance is isolated: it must not serve",
                remedy="Choose an instance on the hosts' own network",
            )
        forward, what = self._find(address), f"moving {address} to {instance or 'no instance'}"
        with reading(f"reading the forward of {address}"):
            owner = self._owner_of(forward)
            if owner != expected.instance_id or forward.tagged.etag != expected.revision:
                why = f"it is on {owner or 'no instance'}, and no longer as it was looked at"
                raise make_error(Changed, what, why=why)
            target = self._target_for(instance, forward) if instance else ""
            config = note_owner(forward.config, owner=owner, instance=instance, target=target)
            content = forward.tagged.content
            body = {"description": content["description"], "config": config, "ports": []}
        path = ("networks", forward.network, "forwards", address)
        self._api.put(path, body, what=what, etag=forward.tagged.etag)

    def _find(self, address: str) -> Forward:
        with_remedy = f"no address {address!r}"
        try:
            ip_address(address)
        except ValueError as error:
            raise make_error(Missing, with_remedy, why="it is no IP address") from error
        for network in self._networks():
            try:
                tagged = self._api.get_tagged("networks", network, "forwards", address)
            except Missing:
                continue
            require_whole(tagged.content, address)
            return Forward(network, address, tagged)
        raise Missing(
            with_remedy,
            why="no network of this project has a forward for it",
            remedy=f"Make one: lxc network forward create NETWORK {address}",
        )

    def _networks(self) -> Iterator[str]:
        """The plan's first; the others are only asked for when it has no such forward."""
        if self._network:
            yield self._network
        networks = self._api.get("networks", recursion="1")
        with reading("reading the list of networks"):
            yield from (
                str(network["name"])
                for network in networks or []
                if network["managed"]
                and network["type"] in {"bridge", "ovn"}
                and network["name"] != self._network
            )

    def _owner_of(self, forward: Forward) -> str:
        """The instance that the address leads to; where nobody knows it, the bare target."""
        if not forward.target:
            return ""
        contents = {str(content["name"]): content for content in self._instances.list_all()}
        noted = forward.config.get(_NOTED_INSTANCE, "")
        if noted in contents and forward.config.get(_NOTED_TARGET, "") == forward.target:
            return noted
        found = self._holder_of(forward, contents)
        by_hand = noted if noted in contents and _NOTED_TARGET not in forward.config else ""
        return found or by_hand or forward.target

    def _holder_of(self, forward: Forward, contents: Mapping[str, Mapping[str, Any]]) -> str:
        known = {name: Draft.of(content) for name, content in contents.items()}
        hardware = read_leases(self._api, forward.network).get(forward.target)
        ways: tuple[Callable[[str], bool], ...] = (
            lambda name: forward.target in drafts.fixed_addresses(known[name]),
            lambda name: hardware in drafts.hardware_addresses(known[name]),
            lambda name: self._instances.find_address(contents[name]) == forward.target,
            lambda name: drafts.last_address(known[name]) == forward.target,
        )
        return next((name for way in ways for name in contents if way(name)), "")

    def _target_for(self, instance: str, forward: Forward) -> str:
        """What it has; where it has none, what it had: DHCP gives it the same again."""
        content = self._instances.read(instance).content
        target = (
            self._instances.find_address(content)
            or earlier_target(forward.config, instance)
            or drafts.last_address(Draft.of(content))
        )
        if target:
            return target
        if content["status"] == "Stopped":
            raise Refused(
                f"{forward.address} cannot lead to {instance}",
                why="that instance is stopped and has no fixed private address",
                remedy="Start it, or give its network interface an ipv4.address",
            )
        raise Busy(
            f"{instance} has no private address yet",
            why="it is still starting",
            remedy="Look at it again",
        )


def note_owner(
    config: Mapping[str, str], *, owner: str, instance: str, target: str
) -> dict[str, str]:
    noted = dict(config)
    if owner and config.get(_TARGET) and owner != instance:
        noted[_NOTED_EARLIER] = json.dumps({"instance": owner, "target": config[_TARGET]})
    for key, text in ((_TARGET, target), (_NOTED_INSTANCE, instance), (_NOTED_TARGET, target)):
        noted.pop(key, None)
        if text:
            noted[key] = text
    return noted


def earlier_target(config: Mapping[str, str], instance: str) -> str:
    """Where the address led when this instance had it last; what DHCP gives it again."""
    earlier = json.loads(config.get(_NOTED_EARLIER, "{}"))
    return str(earlier["target"]) if earlier.get("instance") == instance else ""


def require_whole(content: Mapping[str, Any], address: str) -> None:
    if content.get("ports"):
        raise Refused(
            f"{address} is spread over ports",
            why="its forward has port rules, so that parts of it could lead elsewhere",
            remedy="Give the forward a target_address and no port rules",
        )
