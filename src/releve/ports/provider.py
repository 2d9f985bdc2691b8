"""The IaaS, as the inside needs it.

Reads may be repeated at will. Acts are sent once: the caller looks before it acts and again
after; an implementation never retries an act by itself. Errors are those of releve.errors:
Unavailable when it is unknown whether an act happened, Busy, RateLimited, Refused, Missing,
Ambiguous, Changed, Malformed. Every call has a time-out.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from releve.model.resources import (
    Address,
    Capabilities,
    HostKey,
    Image,
    Instance,
    InstanceRequest,
    Labels,
    Port,
    Snapshot,
    Volume,
)


class Provider(ABC):
    """Accepts acts at once; their result is read back by the caller."""

    kind: str
    capabilities: Capabilities

    # reads

    @abstractmethod
    def get_instance(self, instance_id: str) -> Instance: ...

    @abstractmethod
    def find_instances(
        self, *, name: str = "", labels: Mapping[str, str] | None = None
    ) -> tuple[Instance, ...]:
        """Every instance with exactly this name and all of these labels; no criterion: Refused."""

    @abstractmethod
    def get_volume(self, volume_id: str) -> Volume: ...

    @abstractmethod
    def list_volumes(self) -> tuple[Volume, ...]:
        """For near-word suggestions; bounded to 1,000."""

    @abstractmethod
    def get_address(self, address: str) -> Address: ...

    @abstractmethod
    def get_image(self, reference: str) -> Image:
        """By exact name or id; Ambiguous when two carry the name."""

    @abstractmethod
    def list_images(self) -> tuple[Image, ...]: ...

    @abstractmethod
    def find_snapshots(self, volume_id: str, *, name: str) -> tuple[Snapshot, ...]: ...

    @abstractmethod
    def find_ports(self, *, name: str) -> tuple[Port, ...]: ...

    @abstractmethod
    def read_host_keys(self, instance_id: str) -> tuple[HostKey, ...]:
        """Public SSH host keys, read through the provider; empty while not there yet."""

    @abstractmethod
    def list_shortfalls(self, request: InstanceRequest) -> tuple[str, ...]:
        """Why this request could not be met (quota, size, network); empty: it could."""

    # acts

    @abstractmethod
    def label_instance(self, instance_id: str, labels: Labels, *, revision: str = "") -> None:
        """Replace Relève's labels; Changed when the revision is given and no longer true."""

    @abstractmethod
    def create_port(self, *, name: str, network: str, labels: Labels) -> None: ...

    @abstractmethod
    def create_instance(self, request: InstanceRequest) -> None:
        """Make and start it; Busy when the name is taken."""

    @abstractmethod
    def start_instance(self, instance_id: str) -> None: ...

    @abstractmethod
    def stop_instance(self, instance_id: str) -> None:
        """Power off without asking the guest."""

    @abstractmethod
    def lock_instance(self, instance_id: str) -> None:
        """Keep it from being started, by a person or at the provider's own start-up."""

    @abstractmethod
    def unlock_instance(self, instance_id: str) -> None: ...

    @abstractmethod
    def isolate_instance(self, instance_id: str) -> None:
        """Take its network away, so that it could not serve even if it were started."""

    @abstractmethod
    def reconnect_instance(self, instance_id: str) -> None:
        """Give an isolated instance its network back, as it was."""

    @abstractmethod
    def snapshot_volume(self, volume_id: str, *, name: str, labels: Labels) -> None: ...

    @abstractmethod
    def detach_volume(self, volume_id: str, instance_id: str) -> None: ...

    @abstractmethod
    def attach_volume(self, volume_id: str, instance_id: str, *, mount_point: str) -> None: ...

    @abstractmethod
    def move_address(self, address: str, instance_id: str, *, expected: Address) -> None:
        """Point the address at the instance ("" for none); Changed when not as expected."""

    @abstractmethod
    def close(self) -> None:
        """Release connections."""
