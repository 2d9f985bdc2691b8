"""Everything the fake cloud knows, as one document; what a real control plane keeps in tables."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

NEVER = 1e18  # seconds: a transition that is stuck
ISOLATED = "isolated"  # the network of isolated instances


@dataclass(frozen=True)
class Habits:
    """How this cloud behaves; seconds are those of its clock."""

    build_seconds: float = 4.0
    boot_seconds: float = 3.0  # from RUNNING until sshd and the host keys are there
    stop_seconds: float = 2.0
    stop_busy_seconds: float = 0.6  # STOPPED is shown, the task word is not gone yet
    start_seconds: float = 2.0
    attach_seconds: float = 1.0
    detach_seconds: float = 1.0
    detach_lag_seconds: float = 0.0  # volume says available, the instance still lists it
    snapshot_seconds: float = 1.0
    volume_seconds: float = 1.0  # until a new volume or clone is available
    capture_seconds: float = 3.0
    delete_seconds: float = 1.0
    list_lag_seconds: float = 0.0
    settle_seconds: float = 20.0
    names_are_unique: bool = True  # False: as OpenStack, two creates make two instances
    mounts_volumes: bool = False  # True: as LXD, the host mounts the volume into the guest
    shows_disks: bool = True  # False: as OpenStack, a helper gets a copy, and mounts it itself
    addresses_are_ports: bool = False  # True: an instance loses its only port with its address
    has_ports: bool = True
    has_snapshots: bool = True
    has_locks: bool = True


@dataclass
class CloudInstance:
    id: str
    name: str
    image: str
    size: str
    network: str
    state: str = "BUILD"  # BUILD, RUNNING, STOPPED, ERROR
    busy: str = ""
    locked: bool = False
    networked: bool = True
    private_address: str = ""
    port_id: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    revision: int = 1
    authorized_keys: list[str] = field(default_factory=list)
    host_keys: list[tuple[str, str]] = field(default_factory=list)
    answers_with: list[tuple[str, str]] = field(default_factory=list)  # empty: its host_keys
    booted_at: float = NEVER
    root_is_writable: bool = True
    settles_at: float = NEVER
    settles_to: str = ""
    run_that_made_it: str = ""
    root_filesystem: str = "ext4"
    root_superblock: str = ""  # hex, without the zeros at its end
    root_content: str = ""
    root_shown_to: dict[str, str] = field(default_factory=dict)  # helper to mount point

    @property
    def is_isolated(self) -> bool:
        return self.network == ISOLATED


@dataclass
class CloudVolume:
    id: str
    name: str
    size_bytes: int
    filesystem_uuid: str
    filesystem: str = "ext4"
    content: str = ""
    owner: str = "964:964"  # of its data, by number
    state: str = "available"
    attached_to: list[str] = field(default_factory=list)  # as the volume service sees it
    held_by: str = ""  # as the compute service sees it
    mount_points: dict[str, str] = field(default_factory=dict)  # by instance
    mounted_on: str = ""  # instance whose guest has it mounted
    mount_mode: str = ""  # ro or rw
    dirty: bool = False  # its journal would be replayed by a plain ro mount
    settles_at: float = NEVER
    settles_to: str = ""
    pending_instance: str = ""
    held_until: float = NEVER
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def serial(self) -> str:
        return self.id[:20]  # virtio cuts a serial at 20 characters


@dataclass
class CloudAddress:
    address: str
    instance_id: str = ""
    revision: int = 1


@dataclass
class CloudPort:
    id: str
    name: str
    network: str
    address: str
    labels: dict[str, str] = field(default_factory=dict)
    instance_id: str = ""


@dataclass
class CloudSnapshot:
    id: str
    volume_id: str
    name: str
    content: str
    labels: dict[str, str] = field(default_factory=dict)
    ready: bool = False
    failed: bool = False
    settles_at: float = NEVER


@dataclass
class CloudCapture:
    """An image made of an instance; those on offer from the start are in `images`."""

    id: str
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    root_filesystem: str = ""
    root_content: str = ""
    ready: bool = False
    failed: bool = False
    settles_at: float = NEVER


@dataclass
class Shadow:
    """What reads show instead of the truth for a while: a list that lags."""

    kind: str
    id: str
    until: float
    document: dict[str, Any] | None  # None: invisible
    by_id: bool  # whether a get by id is fooled too


@dataclass
class CloudState:
    habits: Habits = field(default_factory=Habits)
    instances: dict[str, CloudInstance] = field(default_factory=dict)
    volumes: dict[str, CloudVolume] = field(default_factory=dict)
    addresses: dict[str, CloudAddress] = field(default_factory=dict)
    ports: dict[str, CloudPort] = field(default_factory=dict)
    snapshots: dict[str, CloudSnapshot] = field(default_factory=dict)
    captures: dict[str, CloudCapture] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)  # id to name
    networks: list[str] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    quota: dict[str, int] = field(default_factory=dict)  # instances, ports, snapshots
    shadows: list[Shadow] = field(default_factory=list)
    made: int = 0  # resources ever made; ids are drawn from it

    def new_id(self, kind: str) -> str:
        self.made += 1
        return f"{kind}-{self.made:04d}"

    def volumes_of(self, instance_id: str) -> list[CloudVolume]:
        return [
            volume
            for volume in self.volumes.values()
            if volume.held_by == instance_id or instance_id in volume.attached_to
        ]

    def to_json(self) -> str:
        return json.dumps(asdict(self))


TABLES: Final[dict[str, type]] = {
    "instances": CloudInstance,
    "volumes": CloudVolume,
    "addresses": CloudAddress,
    "ports": CloudPort,
    "snapshots": CloudSnapshot,
    "captures": CloudCapture,
}


def shown(state: CloudState, *, by_id: bool) -> CloudState:
    """What reads show: the truth but for the shadows; a get by id sees through most of them."""
    tables: dict[str, Any] = {table: dict(getattr(state, table)) for table in TABLES}
    for shadow in state.shadows:
        if by_id and not shadow.by_id:
            continue
        if shadow.document is None:
            tables[shadow.kind].pop(shadow.id, None)
        else:
            tables[shadow.kind][shadow.id] = TABLES[shadow.kind](**shadow.document)
    return replace(state, **tables)


def load_state(text: str) -> CloudState:
    raw = json.loads(text)
    for table, record in TABLES.items():
        raw[table] = {key: record(**document) for key, document in raw[table].items()}
    raw["habits"] = Habits(**raw["habits"])
    raw["shadows"] = [Shadow(**shadow) for shadow in raw["shadows"]]
    return CloudState(**raw)
