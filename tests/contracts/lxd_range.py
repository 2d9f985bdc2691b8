"""A lab of its own as a range of the contract suite: real LXD, real containers."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from releve.adapters.system_clock import SystemClock
from releve.lab.client import Client
from releve.lab.down import take_down
from releve.lab.engine import choose_engine
from releve.lab.settings import LabSettings
from releve.lab.up import bring_up
from releve.providers.lxd.cloud import LxdCloud
from tests.contracts.provider_range import ProviderRange

POOL = "instances"
MOST_INSTANCES = 2  # beside the shared one and the lab's own host
_CONTENT = "content"


class LxdRange(ProviderRange):
    size = "1cpu-512MiB"

    def __init__(self, settings: LabSettings) -> None:
        self.settings = settings
        self.report = bring_up(settings, say=print)
        self.client = Client(choose_engine(), settings.paths)
        self.clock = SystemClock()
        self.network, self.image = self.report.network, self.report.image
        self.authorized_key = Path(f"{self.report.ssh_key}.pub").read_text().strip()
        self.cloud = LxdCloud(
            endpoint=self.report.endpoint, network=self.network, pool=POOL, timeout_seconds=20
        )
        self.provider = self.cloud
        self.made: list[str] = []

    def make_old_instance(self) -> str:
        """Takes the oldest away: a machine has inotify instances for some ten containers."""
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
            lambda: bool(self.provider.get_instance(name).private_address), "it has an address"
        )
        return name

    def delete_instance(self, name: str) -> None:
        path = f"/1.0/instances/{name}"
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
        take_down(self.settings, say=print)

    def _directory_of(self, volume_id: str) -> Path:
        pool, name = volume_id.split("/")
        pools = self.settings.paths.daemon / "storage-pools"
        return pools / pool / "custom" / f"default_{name}"


def open_lxd_range(directory: Path) -> LxdRange:
    skip_where_lxd_cannot_run()
    name = f"contract-{secrets.token_hex(3)}"
    return LxdRange(LabSettings(name=name, directory=directory / name, hosts=("web",)))


def skip_where_lxd_cannot_run() -> None:
    missing = list_missing()
    if missing:
        pytest.skip(f"LXD was NOT tried: {', '.join(missing)}")


def list_missing() -> Sequence[str]:
    missing = [] if os.geteuid() == 0 else ["not root"]
    if not (shutil.which("lxc") or shutil.which("incus")):
        missing.append("neither LXD nor Incus is installed")
    if shutil.which("mmdebstrap") is None:
        missing.append("no mmdebstrap")
    if subprocess.run(["losetup", "--find"], check=False, capture_output=True).returncode != 0:
        missing.append("no loop devices")
    return missing
