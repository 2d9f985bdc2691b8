"""A lab as a range of the contract suite: real LXD, real containers."""

import secrets
from pathlib import Path

from releve.adapters.system_clock import SystemClock
from releve.providers.lxd.cloud import LxdCloud
from tests.contracts.provider_range import ProviderRange
from tests.fixtures.lab import RunningLab

POOL = "instances"
MOST_INSTANCES = 2  # beside the shared one and the lab's own host
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_CONTENT = "content"


class LxdRange(ProviderRange):
    size = "1cpu-512MiB"

    def __init__(self, lab: RunningLab) -> None:
        super().__init__()
        self.lab, self.client, self.clock = lab, lab.client, SystemClock()
        report = lab.report
        self.network, self.image = report.network, report.image
        self.authorized_key = Path(f"{report.ssh_key}.pub").read_text().strip()
        self.cloud = LxdCloud(
            endpoint=report.endpoint, network=self.network, pool=POOL, timeout_seconds=20
        )
        self.provider = self.cloud
        self.before = self._list_all()
        self.made: list[str] = []

    def make_old_instance(self, *, from_volume: bool = False) -> str:
        """Takes the oldest away: a machine has inotify instances for some ten containers."""
        del from_volume
        while len(self.made) >= MOST_INSTANCES:
            self.delete_instance(self.made.pop(0))
        name = f"old-{secrets.token_hex(4)}"
        self.made.append(name)
        devices = {
            "root": {"type": "disk", "path": "/", "pool": POOL},
            "eth0": {"type": "nic", "name": "eth0", "network": self.network},
        }
        source = {"type": "image", "alias": self.image}
        body = {"name": name, "source": source, "devices": devices, "profiles": []}
        self.client.act("POST", "/1.0/instances", body)
        self.client.act("PUT", f"/1.0/instances/{name}/state", {"action": "start"})
        self.wait_until(
            lambda: bool(self.provider.get_instance(name).private_address),
            f"{name} has an address; the containers of this machine share {INOTIFY.read_text()}"
            "inotify instances, and one that finds none left has no network",
        )
        return name

    def give_up_old_instance(self, instance_id: str) -> None:
        if instance_id in self.made:
            self.made.remove(instance_id)
            self.delete_instance(instance_id)

    def delete_instance(self, name: str) -> None:
        path = f"/1.0/instances/{name}"
        if self.client.get(path) is None:  # the suite deleted it through the provider
            return
        if (self.client.get(path) or {}).get("status") == "Running":
            self.client.act("PUT", f"{path}/state", {"action": "stop", "force": True})
        self.client.act("DELETE", path, {})

    def make_volume(self) -> str:
        name = f"data-{secrets.token_hex(4)}"
        self.client.act("POST", f"/1.0/storage-pools/{POOL}/volumes/custom", {"name": name})
        return f"{POOL}/{name}"

    def make_address(self) -> str:
        address = f"203.0.113.{secrets.randbelow(250) + 1}"  # TEST-NET-3: nobody's
        path = f"/1.0/networks/{self.network}/forwards"
        if self.client.get(f"{path}/{address}") is not None:
            return self.make_address()
        self.client.act("POST", path, {"listen_address": address})
        return address

    def write_volume(self, volume_id: str, content: bytes) -> None:
        (self._directory_of(volume_id) / _CONTENT).write_bytes(content)

    def read_volume(self, volume_id: str) -> bytes:
        return (self._directory_of(volume_id) / _CONTENT).read_bytes()

    def cleanup(self) -> None:
        self.provider.close()
        for path in sorted(self._list_all() - self.before, key=_order_of):
            if path.startswith("/1.0/instances/"):
                self.delete_instance(path.rsplit("/", maxsplit=1)[-1])
            else:
                self.client.act("DELETE", path, {})

    def _list_all(self) -> set[str]:
        places = (
            "/1.0/instances",
            "/1.0/images",
            "/1.0/network-acls",
            f"/1.0/networks/{self.network}/forwards",
            f"/1.0/storage-pools/{POOL}/volumes/custom",
        )
        isolated = f"/1.0/networks/{self.network}-iso"
        paths = {path for place in places for path in self.client.get(place)}
        paths |= {isolated} if self.client.get(isolated) is not None else set()
        return {path for path in paths if "/snapshots/" not in path}  # these go with their volume

    def _directory_of(self, volume_id: str) -> Path:
        pool, name = volume_id.split("/")
        pools = self.lab.settings.paths.daemon / "storage-pools"
        return pools / pool / "custom" / f"default_{name}"


def _order_of(path: str) -> int:
    """Instances before what they hold, a network before its ACL."""
    kinds = ("/1.0/instances/", "/1.0/networks/", "/1.0/")
    return next(index for index, kind in enumerate(kinds) if path.startswith(kind))
