"""Which addresses an isolated instance may reach: the public ones, less the project's own."""

import ipaddress
from collections.abc import Iterable
from typing import Final

Network = ipaddress.IPv4Network

# Private, shared, link-local, multicast and reserved; what no network carries need not be named.
_NOT_PUBLIC: Final = tuple(
    Network(text)
    for text in (
        "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/3",
    )
)  # fmt: skip


def list_public(without: Iterable[str], *, width: int = 32) -> tuple[str, ...]:
    """The fewest networks that hold every public IPv4 address but these, in order.

    `width`: what is left out is left out in networks of this prefix length at least, such as 8:
    there are fewer networks then, and they hold fewer public addresses, never a forbidden one.
    """
    left = [Network("0.0.0.0/0")]
    own = [Network(address) for address in without if ":" not in address]
    for taken in (*_NOT_PUBLIC, *own):
        wide = taken.supernet(new_prefix=width) if taken.prefixlen > width else taken
        left = [piece for network in left for piece in _exclude(network, wide)]
    return tuple(str(network) for network in ipaddress.collapse_addresses(left))


def _exclude(network: Network, taken: Network) -> Iterable[Network]:
    if taken.supernet_of(network):
        return []
    return network.address_exclude(taken) if network.supernet_of(taken) else [network]
