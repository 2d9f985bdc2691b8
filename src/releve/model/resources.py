"""What a provider holds: instances, volumes, addresses, images, ports, snapshots."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

SUPERBLOCK_BYTES: Final = 65536


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
    TWIN = "twin"  # made by a drill from playbooks and base image, to be measured and deleted
    HELPER = "helper"  # reads the system disk of another instance, then is deleted


# What Relève may delete; all else it keeps, whoever asks.
DELETABLE_ROLES: Final = frozenset({Role.TWIN, Role.HELPER, Role.DISCARDED})


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
    isolated: bool = False  # on the provider's network for twins, not on the hosts' own
    system_disks: tuple[str, ...] = ()  # instances whose system disks it can read
    disk_serials: Mapping[str, str] = field(default_factory=dict)  # of those it has to mount itself


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
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Address:
    address: str
    instance_id: str  # empty: on no instance
    revision: str = ""
    with_port: bool = False  # its port moves with it: the instance that it leaves may have no other


@dataclass(frozen=True)
class Image:
    id: str
    name: str
    ready: bool = True  # False: still being captured
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SystemDisk:
    """The disk below an instance's root, read from outside; nothing was mounted or changed."""

    filesystem: str  # ext4, xfs, btrfs; empty: it cannot be told
    superblock: bytes  # the first 64 KiB of the device; empty where it cannot be read
    digest: str  # sha256 of the whole device; empty where it is not the instance's alone
    why: str = ""  # why something of this could not be told


@dataclass(frozen=True)
class Port:
    id: str
    name: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    instance_id: str = ""  # empty: on no instance


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
    start: bool = True  # False: left off, so that volumes are there at its first boot
    isolated: bool = False  # on a network apart: reached by the controller, reaching no host
    volumes: tuple[str, ...] = ()  # ids of those that will be attached: it is made within reach


@dataclass(frozen=True)
class Capabilities:
    """What a provider can do, and how long its lists may lag behind its acts."""

    ports: bool
    snapshots: bool  # cheap enough (copy-on-write) to take in every run
    locks: bool
    settle_seconds: float  # after an ambiguous error, and between two looks
    notes: tuple[str, ...] = ()  # what it cannot do, and what is done instead; sentences
    poll_seconds: float = 0.0  # at least, between two looks: far away, each is several requests
