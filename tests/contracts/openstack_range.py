"""A project on a control plane as a range of the contract suite: real services, stand-in guests."""

import secrets
from pathlib import Path
from typing import Final

from releve.adapters.system_clock import SystemClock
from releve.ports.provider import Provider
from tests.contracts.provider_range import ProviderRange
from tests.openstack.tenant import IMAGE, NETWORK, SIZE, Tenant

_LONGEST_CONTENT: Final = 4096


class OpenstackRange(ProviderRange):
    """Its guests have no network stack: what only packets could prove is not tried here."""

    network = NETWORK
    image = IMAGE
    size = SIZE
    authorized_key = (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFake test"
    )
    patience_seconds = 90.0
    poll_seconds = 0.7  # each look costs the control plane a quarter of a second of a core

    def __init__(self, tenant: Tenant, provider: Provider) -> None:
        super().__init__()
        self.tenant, self.provider, self.clock = tenant, provider, SystemClock()

    def make_old_instance(self, *, from_volume: bool = False) -> str:
        return self.tenant.make_server(f"old-{secrets.token_hex(4)}", from_volume=from_volume)

    def make_volume(self) -> str:
        return self.tenant.make_volume(f"data-{secrets.token_hex(4)}")

    def make_address(self) -> str:
        return self.tenant.make_address()

    def write_volume(self, volume_id: str, content: bytes) -> None:
        """As a guest would: at the beginning of the device."""
        with self._file_of(volume_id).open("r+b") as device:
            device.write(content)

    def read_volume(self, volume_id: str) -> bytes:
        with self._file_of(volume_id).open("rb") as device:
            return device.read(_LONGEST_CONTENT).rstrip(b"\0")

    def cleanup(self) -> None:
        self.provider.close()
        self.tenant.clean_up()

    def _file_of(self, volume_id: str) -> Path:
        return self.tenant.plane.volume_file(volume_id)
