"""The fake cloud as a range of the contract suite."""

import secrets
from pathlib import Path
from typing import Final

from tests.contracts.provider_range import ProviderRange
from tests.fakes.clock import FakeClock
from tests.fakes.cloud import FakeCloud
from tests.fakes.cloud_state import Habits
from tests.fakes.provider import FakeProvider

_HABITS: Final = Habits(detach_lag_seconds=0.5)


class FakeRange(ProviderRange):
    network = "private"
    image = "base"
    size = "small"
    authorized_key = (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFake test"
    )

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.clock: FakeClock = FakeClock()
        self.cloud = FakeCloud(directory / "cloud.db", clock=self.clock, habits=_HABITS)
        self.provider = FakeProvider(self.cloud)
        self.cloud.as_person(
            "add_offer", images={"image-base": "base"}, networks=["private"], sizes=["small"]
        )

    def make_old_instance(self, *, from_volume: bool = False) -> str:
        del from_volume
        before = set(self.cloud.state().instances)
        self.cloud.as_person("add_old_instance", name=f"old-{secrets.token_hex(4)}")
        return (set(self.cloud.state().instances) - before).pop()

    def make_volume(self) -> str:
        before = set(self.cloud.state().volumes)
        self.cloud.as_person("add_volume", name=f"data-{secrets.token_hex(4)}")
        return (set(self.cloud.state().volumes) - before).pop()

    def make_address(self) -> str:
        address = f"198.51.100.{len(self.cloud.state().addresses) + 1}"
        self.cloud.as_person("add_address", address=address)
        return address

    def write_volume(self, volume_id: str, content: bytes) -> None:
        self.cloud.as_person("write_content", volume_id=volume_id, content=content.decode())

    def read_volume(self, volume_id: str) -> bytes:
        return self.cloud.state().volumes[volume_id].content.encode()

    def cleanup(self) -> None:
        self.provider.close()
