"""The lab's bridge, its private subnet, and the public addresses that are forwarded into it."""

import ipaddress
import json
import re
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from releve.errors import LabError
from releve.lab.client import Client
from releve.lab.commands import attempt, run
from releve.lab.record import HostRecord, LabRecord, read_record

NETWORK_LOCK: Final = "network"

_DEFAULT_MTU: Final = 1500
_FIRST_HOST: Final = 10  # last byte, in both ranges
_DYNAMIC: Final = (100, 250)
_SUBNETS: Final = tuple(ipaddress.IPv4Network("10.64.0.0/10").subnets(new_prefix=24))
_PUBLIC: Final = ipaddress.ip_network("198.51.100.0/24")  # TEST-NET-2: nobody's
_ADDRESS: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")


def choose_subnet(taken: Iterable[str], *, seed: str) -> str:
    """The first free subnet from a place the seed decides, so that labs seldom meet."""
    in_use = [ipaddress.IPv4Network(network, strict=False) for network in taken]
    start = int(seed, 16) % len(_SUBNETS)
    for candidate in _SUBNETS[start:] + _SUBNETS[:start]:
        if not any(candidate.overlaps(one) for one in in_use):
            return str(candidate)
    raise LabError(
        "No private subnet is free for the lab",
        why="10.64.0.0/10 is all routed on this machine",
        remedy="take another lab down, or free a /24 in that range",
    )


def choose_public_addresses(taken: Collection[str], *, count: int) -> tuple[str, ...]:
    free = [str(address) for address in list(_PUBLIC.hosts())[_FIRST_HOST - 1 :]]
    chosen = [address for address in free if address not in taken][:count]
    if len(chosen) < count:
        raise LabError(
            "No public address is free for the lab",
            why=f"other labs use all of {_PUBLIC}",
            remedy="take another lab down",
        )
    return tuple(chosen)


def address_in(subnet: str, position: int) -> str:
    return str(ipaddress.ip_network(subnet)[position])


def private_address(subnet: str, position: int) -> str:
    return address_in(subnet, _FIRST_HOST + position)


def read_taken_networks(labs: Path) -> tuple[str, ...]:
    """What this machine routes or has, and what its other labs will have once they run."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]) or "[]")
    links = json.loads(run(["ip", "-json", "-4", "address"]) or "[]")
    own = [f"{a['local']}/{a['prefixlen']}" for link in links for a in link.get("addr_info", [])]
    routed = [route["dst"] for route in routes if route["dst"] != "default"]
    return (*routed, *own, *(record.subnet for record in _sibling_records(labs)))


def read_taken_addresses(labs: Path) -> frozenset[str]:
    """Every address that the packet filter names, and those of labs that do not run now."""
    filters = (["nft", "list", "ruleset"], ["iptables-save"])
    texts = [attempt(argv).output for argv in filters if shutil.which(argv[0])]
    siblings = [h.public_address for record in _sibling_records(labs) for h in record.hosts]
    return frozenset(found for text in texts for found in _ADDRESS.findall(text)).union(siblings)


def read_mtu() -> int:
    """Of the interface that leads out: a larger one loses packets without a word."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "default"]) or "[]")
    for route in routes:
        return int(Path("/sys/class/net", route["dev"], "mtu").read_text())
    return _DEFAULT_MTU


def ensure_network(client: Client, record: LabRecord) -> None:
    if client.get(f"/1.0/networks/{record.bridge}") is not None:
        return
    first, last = (address_in(record.subnet, position) for position in _DYNAMIC)
    prefix = ipaddress.ip_network(record.subnet).prefixlen
    config = {
        "ipv4.address": f"{address_in(record.subnet, 1)}/{prefix}",
        "ipv4.nat": "true",
        "ipv4.dhcp.ranges": f"{first}-{last}",
        "ipv6.address": "none",
        "bridge.mtu": str(record.mtu),
    }
    body = {"name": record.bridge, "type": "bridge", "config": config}
    client.act("POST", "/1.0/networks", body)


def ensure_forward(client: Client, record: LabRecord, *, host: HostRecord) -> None:
    path = f"/1.0/networks/{record.bridge}/forwards"
    if client.get(f"{path}/{host.public_address}") is not None:
        return
    config = {"target_address": host.private_address, "user.releve.instance": host.name}
    client.act("POST", path, {"listen_address": host.public_address, "config": config})


def _sibling_records(labs: Path) -> list[LabRecord]:
    records = []
    for path in sorted(labs.glob("*/lab.json")):
        try:
            record = read_record(path)
        except LabError:  # a damaged neighbour is its own matter
            continue
        if record is not None:
            records.append(record)
    return records
