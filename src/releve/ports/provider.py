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
    SystemDisk,
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
    def find_volumes(self, labels: Mapping[str, str]) -> tuple[Volume, ...]:
        """Every volume with all of these labels; no label: Refused."""

    @abstractmethod
    def get_address(self, address: str) -> Address: ...

    @abstractmethod
    def get_image(self, reference: str) -> Image:
        """By exact name or id; Ambiguous when two carry the name."""

    @abstractmethod
    def list_images(self) -> tuple[Image, ...]: ...

    @abstractmethod
    def find_images(self, labels: Mapping[str, str]) -> tuple[Image, ...]:
        """Every image with all of these labels; no label: Refused."""

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

    @abstractmethod
    def read_system_disk(self, instance_id: str) -> SystemDisk:
        """What lies below its root, without a mount; the digest only while it is stopped."""

    # acts

    @abstractmethod
    def label_instance(self, instance_id: str, labels: Labels, *, revision: str = "") -> None:
        """Replace Relève's labels; Changed when the revision is given and no longer true."""

    @abstractmethod
    def create_port(self, *, name: str, network: str, labels: Labels) -> None: ...

    @abstractmethod
    def delete_port(self, port_id: str) -> None:
        """Refused unless Relève's labels are on it; Busy while an instance has it."""

    @abstractmethod
    def create_instance(self, request: InstanceRequest) -> None:
        """Make it, and start it unless asked not to; Busy when the name is taken.

        An isolated one is on a network apart: the controller reaches it, it reaches package
        mirrors and name servers, but no mail port and no other network of the provider. It
        takes no port, since that is on the hosts' own network: Refused.
        """

    @abstractmethod
    def delete_instance(self, instance_id: str) -> None:
        """Refused unless its labels say that Relève made it to be deleted; Busy while it runs.

        Refused too while it holds a volume that is no twin's.
        """

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
    def create_volume(self, *, name: str, size_bytes: int, labels: Labels) -> None:
        """Empty, with a file system where the provider mounts volumes; Busy: the name is taken."""

    @abstractmethod
    def clone_volume(self, volume_id: str, *, name: str, labels: Labels) -> None:
        """A volume of its own with the bytes of this one at one moment, attached or not."""

    @abstractmethod
    def delete_volume(self, volume_id: str) -> None:
        """Refused unless labelled as a twin's; Busy while it is attached."""

    @abstractmethod
    def detach_volume(self, volume_id: str, instance_id: str) -> None: ...

    @abstractmethod
    def attach_volume(self, volume_id: str, instance_id: str, *, mount_point: str) -> None:
        """Refused where a twin would get a volume that is no twin's."""

    @abstractmethod
    def move_address(self, address: str, instance_id: str, *, expected: Address) -> None:
        """Point the address at the instance ("" for none); Changed when not as expected.

        Refused for an isolated instance.
        """

    @abstractmethod
    def capture_image(self, instance_id: str, *, name: str, labels: Mapping[str, str]) -> None:
        """Make an image of a stopped instance's system disk; Busy while it runs.

        Refused without labels releve.host and releve.run: nobody could delete it again.
        """

    @abstractmethod
    def delete_image(self, image_id: str) -> None:
        """Refused unless labelled by Relève."""

    @abstractmethod
    def attach_system_disk(self, instance_id: str, helper_id: str, *, mount_point: str) -> None:
        """Let a helper read the system disk of a stopped instance, of which no byte changes.

        Refused while the instance runs, and for any other reader than one with role helper.
        """

    @abstractmethod
    def detach_system_disk(self, instance_id: str, helper_id: str) -> None:
        """Missing where it is not attached."""

    @abstractmethod
    def close(self) -> None:
        """Release connections."""
