"""What this cloud can do, found out when it is first spoken to."""

from dataclasses import dataclass
from typing import Final

from releve.providers.openstack.api import OpenstackApi
from releve.providers.openstack.errors import reading

Version = tuple[int, int]

# The newest first; what each brings is used where it is there, and done without where not.
_COMPUTE_VERSIONS: Final[tuple[Version, ...]] = (
    (2, 47),  # a server tells its flavor's name
    (2, 9),  # a server tells whether it is locked
    (2, 1),
)
_TELLS_LOCK: Final = (2, 9)
_NO_BYTES: Final = "nobody sees the bytes of a disk: an autopsy reads a copy, and has no checksum"
_NO_SNAPSHOTS: Final = (
    "nobody can tell whether snapshots of volumes are copy-on-write: they are taken only with"
    " `snapshots: always`"
)
_NO_LOCK: Final = (
    "its Nova is older than 2.9 and tells no lock: the old instance is powered off and cut off,"
    " and not locked"
)
_NO_REVISIONS: Final = (
    "its Neutron has no revision-if-match: an address is compared right before it moves, and not"
    " by Neutron in the same request"
)
_NO_FLOATING: Final = (
    "its Neutron has no router, so no floating IP: a fixed address moves with its port"
)
_NO_TAGS: Final = (
    "its Neutron has no tags: an instance that gets its network back gets every port back"
)
_NO_GROUPS: Final = (
    "its Neutron has no security groups: no drill and no autopsy, which isolate instances"
)
_NO_ADDRESS_GROUPS: Final = (
    "its Neutron has no address groups: an isolated instance takes up to 90 rules of the"
    " project's quota, and what lies near an address of the project is out of its reach"
)


@dataclass(frozen=True)
class Abilities:
    compute_version: Version
    extensions: frozenset[str]  # Neutron's, by alias

    @property
    def tells_lock(self) -> bool:
        return self.compute_version >= _TELLS_LOCK

    @property
    def has_revisions(self) -> bool:
        """Whether a PUT of an address can insist on what was looked at."""
        return "revision-if-match" in self.extensions

    @property
    def has_floating_addresses(self) -> bool:
        return "router" in self.extensions

    @property
    def has_tags(self) -> bool:
        return bool({"standard-attr-tag", "tag"} & self.extensions)

    @property
    def has_address_groups(self) -> bool:
        return "security-groups-remote-address-group" in self.extensions

    @property
    def has_security_groups(self) -> bool:
        return "security-group" in self.extensions


def read_abilities(api: OpenstackApi) -> Abilities:
    """Also settles with which version of Nova's API this cloud is spoken to."""
    root = api.get("compute")
    with reading("reading the versions of the compute service"):
        newest = str(root["version"].get("version") or "2.1")
        major, minor = (int(part) for part in newest.split("."))
    version = choose_version((major, minor))
    api.microversions["compute"] = f"{version[0]}.{version[1]}"
    content = api.get("network", "extensions")
    with reading("reading the extensions of the network service"):
        extensions = frozenset(str(item["alias"]) for item in content["extensions"])
    return Abilities(version, extensions)


def choose_version(newest: Version) -> Version:
    return next((version for version in _COMPUTE_VERSIONS if version <= newest), (2, 1))


def list_notes(abilities: Abilities) -> tuple[str, ...]:
    """What this cloud cannot do, and what is done instead."""
    told = (
        (True, _NO_BYTES),
        (True, _NO_SNAPSHOTS),
        (not abilities.tells_lock, _NO_LOCK),
        (not abilities.has_revisions, _NO_REVISIONS),
        (not abilities.has_floating_addresses, _NO_FLOATING),
        (not abilities.has_tags, _NO_TAGS),
        (not abilities.has_security_groups, _NO_GROUPS),
        (abilities.has_security_groups and not abilities.has_address_groups, _NO_ADDRESS_GROUPS),
    )
    return tuple(note for holds, note in told if holds)
