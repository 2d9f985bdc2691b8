"""What a provider holds: instances, volumes, addresses, images, ports, snapshots."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Power(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"
    CHANGING = "changing"  # starting, stopping, building: look again
    ERROR = "error"


class Role(StrEnum):
    ACTIVE = "active"  # serves the host
    CANDIDATE = "candidate"  # made by a run that has not finished
    QUARANTINED = "quarantined"  # fenced and kept for the inquest
    DISCARDED = "discarded"  # the new instance of a run that was undone


@dataclass(frozen=True)
class Labels:
    """Whose a resource is; written in the same call that makes it, read back to adopt it."""

    host: str
    run: str
    epoch: int
    role: Role
    expires: str = ""  # ISO 8601 UTC; empty: never

    def as_mapping(self) -> dict[str, str]:
        return {
            "releve.host": self.host,
            "releve.run": self.run,
            "releve.epoch": str(self.epoch),
            "releve.role": self.role.value,
            "releve.expires": self.expires,
        }


@dataclass(frozen=True)
class Instance:
    id: str
    name: str
    power: Power
    locked: bool = False
    busy: str = ""  # the provider's own word for a task under way; empty: none
    private_address: str = ""  # where the controller reaches it before cutover; empty: none yet
    image: str = ""
    size: str = ""
    volumes: tuple[str, ...] = ()  # ids of attached data volumes
    networked: bool = True  # False: no network interface can carry traffic
    labels: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""  # opaque; changes with each change; empty where the provider has none


@dataclass(frozen=True)
class Attachment:
    instance_id: str
    mount_point: str = ""  # set where the provider mounts the volume itself (LXD)
    device_serial: str = ""  # set where the guest sees a block device (OpenStack)


@dataclass(frozen=True)
class Volume:
    id: str
    name: str
    size_bytes: int  # 0: the provider does not know
    filesystem_uuid: str = ""  # empty: the provider does not know
    state: str = "available"  # available, in-use, or the provider's word for a transition
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Address:
    address: str
    instance_id: str  # empty: on no instance
    revision: str = ""


@dataclass(frozen=True)
class Image:
    id: str
    name: str


@dataclass(frozen=True)
class Port:
    id: str
    name: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    id: str
    volume_id: str
    name: str
    ready: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HostKey:
    algorithm: str  # ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa
    public: str  # base64, as in known_hosts

    def line_for(self, name: str) -> str:
        return f"{name} {self.algorithm} {self.public}"


@dataclass(frozen=True)
class InstanceRequest:
    """All that a provider needs to make one instance in one call, identity included."""

    name: str
    image_id: str
    size: str
    network: str
    labels: Labels
    authorized_keys: tuple[str, ...]
    port_id: str = ""
    host_private_keys: tuple[str, ...] = ()  # only where the plan carries host keys over


@dataclass(frozen=True)
class Capabilities:
    """What a provider can do, and how long its lists may lag behind its acts."""

    ports: bool
    snapshots: bool  # cheap enough (copy-on-write) to take in every run
    locks: bool
    settle_seconds: float  # after an ambiguous error, and between two looks
