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
