"""Which host of the plan another monitor means; pure."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

from releve.plan.types import Plan

_PORT: Final = re.compile(r":\d{1,5}\Z")
_AMBIGUOUS: Final = ""
MOST_CHARACTERS: Final = 255  # of a name


def map_names(plan: Plan) -> Mapping[str, str]:
    """Name, inventory name or address to the host; what two hosts share means neither."""
    found: dict[str, str] = {}
    for host, entry in plan.hosts.items():
        for name in {normalise(host), normalise(entry.converge.name), normalise(entry.address)}:
            if name:
                found[name] = host if found.get(name, host) == host else _AMBIGUOUS
    found.update({normalise(host): host for host in plan.hosts})  # the plan's own name comes first
    return found


def find_host(names: Mapping[str, str], said: str) -> str:
    """The host of the plan, whether a port follows or not; empty: none, or more than one."""
    if not said or len(said) > MOST_CHARACTERS:
        return ""
    return names.get(normalise(said), "") or names.get(normalise(_PORT.sub("", said)), "")


def normalise(name: str) -> str:
    bare = name.strip().removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return bare.lower().removesuffix(".")
