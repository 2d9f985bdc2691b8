"""What is inside the stand-in guests of a control plane, read from their files only."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.openstack.control_plane import ControlPlane
from tests.openstack.spawn_hook import make_host_key

CONVERGED: Final = "converged"
_SERIAL_LENGTH: Final = 20  # of a virtio disk


@dataclass(frozen=True)
class Guest:
    id: str
    directory: Path

    @property
    def host_key(self) -> tuple[str, str]:
        return ("ssh-ed25519", make_host_key(self.id))

    @property
    def given(self) -> dict[str, Any]:
        """What the hypervisor gave it: user_data, nics, adminPass."""
        text = (self.directory / "guest.json").read_text()
        return dict(json.loads(text))

    @property
    def addresses(self) -> set[str]:
        return {address for nic in self.given["nics"] for address in nic["ips"]}

    def events(self) -> list[dict[str, Any]]:
        lines = (self.directory / "events").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def is_there(self) -> bool:
        return "destroy" not in {event["event"] for event in self.events()}

    def runs(self) -> bool:
        powers = ("spawn", "power_on", "power_off", "destroy")
        last = [event["event"] for event in self.events() if event["event"] in powers][-1:]
        return last in (["spawn"], ["power_on"])

    def disks(self) -> dict[str, Path]:
        """Serial to file, of each volume that was attached and not detached since."""
        at: dict[str, Path] = {}
        for event in self.events():
            if event["event"] == "attach_volume":
                at[event["mountpoint"]] = Path(event["data"]["device_path"])
            elif event["event"] == "detach_volume":
                at.pop(event["mountpoint"], None)
        return {path.name.removeprefix("volume-")[:_SERIAL_LENGTH]: path for path in at.values()}

    def find_disk(self, serial: str) -> Path | None:
        return self.disks().get(serial[:_SERIAL_LENGTH])

    def is_mounted(self, serial: str) -> bool:
        return self._mark_of(serial).exists()

    def mount(self, serial: str) -> None:
        self._mark_of(serial).touch()

    def _mark_of(self, serial: str) -> Path:
        return self.directory / f"mounted-{serial[:_SERIAL_LENGTH]}"

    def converge(self) -> None:
        with (self.directory / CONVERGED).open("a") as log:
            log.write("converged\n")

    @property
    def converges(self) -> int:
        log = self.directory / CONVERGED
        return len(log.read_text().splitlines()) if log.exists() else 0


def list_guests(plane: ControlPlane) -> Iterator[Guest]:
    for file in (plane.directory / "guests").glob("*/guest.json"):
        yield Guest(file.parent.name, file.parent)


def find_guest(plane: ControlPlane, address: str) -> Guest | None:
    """The running one with this address of its own."""
    for guest in list_guests(plane):
        if address in guest.addresses and guest.is_there() and guest.runs():
            return guest
    return None


def get_guest(plane: ControlPlane, instance_id: str) -> Guest:
    return Guest(instance_id, plane.guest_directory(instance_id))
