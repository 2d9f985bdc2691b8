"""DHCP leases: whose address was which, also for some time after an instance stopped."""

from collections.abc import Mapping
from typing import Any

from releve.errors import Missing
from releve.providers.lxd import draft as drafts
from releve.providers.lxd.api import LxdApi
from releve.providers.lxd.draft import Draft
from releve.providers.lxd.errors import reading


def read_leases(api: LxdApi, network: str) -> dict[str, str]:
    """Address to hardware address."""
    try:
        leases = api.get("networks", network, "leases")
    except Missing:
        return {}
    with reading(f"reading the leases of network {network}"):
        return {str(lease["address"]): str(lease["hwaddr"]) for lease in leases or []}


def last_leased_address(api: LxdApi, content: Mapping[str, Any]) -> str:
    """Empty where none of its networks remembers one."""
    draft = Draft.of(content)
    hardware = drafts.hardware_addresses(draft)
    for nic in drafts.networks_of(draft).values():
        if nic.get("network"):
            leases = read_leases(api, nic["network"])
            for address, holder in leases.items():
                if holder in hardware:
                    return address
    return ""
