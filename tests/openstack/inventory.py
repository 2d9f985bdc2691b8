"""All that is in a project, so that what a run made and left can be told by difference."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.openstack.tenant import Tenant


@dataclass(frozen=True)
class Inventory:
    names: Mapping[str, str] = field(default_factory=dict)  # "server ID" to its name

    def made_since(self, before: "Inventory") -> Counter[str]:
        """How many of each kind there are now that were not there before."""
        return Counter(key.split()[0] for key in self.names.keys() - before.names.keys())

    def gone_since(self, before: "Inventory") -> list[str]:
        return [f"{key} ({before.names[key]})" for key in before.names.keys() - self.names.keys()]


def take_inventory(tenant: Tenant) -> Inventory:
    storage = tenant.hands.block_storage
    tables = {
        "server": tenant.servers(),
        "port": [port for port in tenant.ports() if not port.device_owner.startswith("network:")],
        "volume": list(storage.volumes()),
        "snapshot": list(storage.snapshots()),
        "image": list(tenant.hands.image.images(owner=tenant.project_id)),
        "group": list(tenant.hands.network.security_groups(project_id=tenant.project_id)),
        "network": list(tenant.hands.network.networks(project_id=tenant.project_id)),
    }
    return Inventory(
        {f"{kind} {item.id}": item.name or "" for kind, items in tables.items() for item in items}
    )
