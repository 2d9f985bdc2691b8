"""Sizes: Nova's flavors, by exact name or id."""

from dataclasses import dataclass

from releve.errors import Ambiguous, Missing, Refused
from releve.providers.openstack.api import Content, OpenstackApi
from releve.providers.openstack.errors import reading
from releve.providers.openstack.names import tell_names


@dataclass(frozen=True)
class Flavor:
    id: str
    name: str
    cores: int
    memory_mib: int
    disk_gib: int  # 0: none of its own, so that an instance boots from a volume


class Flavors:
    def __init__(self, api: OpenstackApi) -> None:
        self._api = api
        self._names: dict[str, str] = {}

    def find(self, reference: str) -> Flavor:
        if not reference:
            raise Refused(
                "the plan names no size",
                why="this cloud has no default flavor",
                remedy="Set size in the plan to the name of a flavor",
            )
        known = self._list()
        found = [flavor for flavor in known if reference in (flavor.id, flavor.name)]
        if not found:
            raise Missing(
                f"there is no size {reference}",
                why=tell_names(flavor.name for flavor in known),
                remedy="See what exists with: openstack flavor list",
            )
        if len(found) > 1:
            raise Ambiguous(
                f"{len(found)} flavors are called {reference}",
                why=", ".join(sorted(flavor.id for flavor in found)),
                remedy="Name the size by the flavor's id",
            )
        return found[0]

    def name_of(self, described: Content) -> str:
        """As a server tells its flavor: the name, or with an older Nova only the id."""
        if described.get("original_name"):
            return str(described["original_name"])
        identity = str(described["id"])
        if identity not in self._names:
            self._names |= {flavor.id: flavor.name for flavor in self._list()}
        return self._names.get(identity, identity)

    def _list(self) -> list[Flavor]:
        contents = self._api.list_all("compute", ("flavors", "detail"), key="flavors")
        with reading("reading the list of flavors"):
            return [describe_flavor(content) for content in contents]


def describe_flavor(content: Content) -> Flavor:
    return Flavor(
        id=str(content["id"]),
        name=str(content["name"]),
        cores=int(content["vcpus"]),
        memory_mib=int(content["ram"]),
        disk_gib=int(content["disk"]),
    )
