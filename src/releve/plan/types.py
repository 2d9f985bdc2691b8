"""The types of releve.yml; JSON Schema and the reference page are generated from them."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag

from releve.plan.durations import Duration
from releve.plan.provider_types import ProviderPlan
from releve.plan.strict import Name, Strict
from releve.plan.watch_types import HostWatch, WatchPlan


class VolumePlan(Strict):
    """A data volume that moves to the new instance."""

    id: Name = Field(description="the provider's id; on LXD pool/volume")
    mount: Name = Field(description="absolute mount point on the host")
    uuid: str = Field("", description="file system UUID; when given, it must match before mounting")
    size: str = Field("", description="exact size as the provider states it, such as 1GiB")
    filesystem: str = Field("", description="type forced at mount; needed for block volumes")


class HostKeyPolicy(StrEnum):
    PROVIDER = "provider"  # the new instance's own keys, read through the provider
    CARRY_OVER = "carry_over"  # the keys in host_key_files, given to the new instance


class SshPlan(Strict):
    """How the controller logs in."""

    user: Name = Field("root", description="login name; it must be able to become root")
    port: int = Field(
        22, ge=1, le=65535, description="port on which the host takes SSH connections"
    )
    identity_files: list[Name] = Field(
        default_factory=list,
        description="private keys on the controller: absolute, from ~, or relative to releve.yml; "
        "empty: the agent and the default keys",
    )
    host_keys: HostKeyPolicy = Field(
        HostKeyPolicy.PROVIDER,
        strict=False,
        description="provider: the new instance's own host keys, read through the provider; "
        "carry_over: the host keeps the keys in host_key_files",
    )
    host_key_files: list[Name] = Field(
        default_factory=list, description="vaulted private host keys, for carry_over"
    )


class ConvergePlan(Strict):
    """Which of the team's playbooks makes the host."""

    playbook: Name = Field(description="relative to releve.yml")
    inventory: list[Name] = Field(
        default_factory=list, description="relative paths; empty: as ansible.cfg says"
    )
    name: str = Field("", description="the host's inventory name; empty: the key of this entry")
    early_tags: list[Name] = Field(
        default_factory=list,
        description="tags whose tasks need no data; run while the volumes are moved",
    )
    skip_tags: list[Name] = Field(default_factory=list, description="tags never to run")
    timeout: Duration = Field(timedelta(hours=1), description="longest time for one converge")


class HttpCheck(Strict):
    """A page is served."""

    http: Name = Field(description="URL; the connection goes to the host's own address only")
    status: int = Field(200, ge=100, le=599, description="status code wanted")
    contains: list[Name] = Field(
        default_factory=list, description="texts that the page must all contain"
    )
    tls_days: int = Field(0, ge=0, description="least days until the certificate expires")
    verify_tls: bool = Field(
        default=True, description="false: accept a certificate nobody vouches for"
    )
    timeout: Duration = Field(timedelta(seconds=10), description="longest time for the answer")


class TcpCheck(Strict):
    """A port accepts connections."""

    tcp: int = Field(ge=1, le=65535, description="port on the host's address")
    timeout: Duration = Field(timedelta(seconds=5), description="longest time to connect")


class UnitCheck(Strict):
    """A systemd unit is active."""

    unit: Name = Field(description="unit name, such as nginx.service")


class CommandCheck(Strict):
    """A command succeeds on the instance."""

    command: list[str] = Field(min_length=1, description="argv on the instance; exit 0 passes")
    contains: list[Name] = Field(
        default_factory=list, description="texts that its output must all contain"
    )
    timeout: Duration = Field(timedelta(seconds=30), description="longest time for the command")


class FileCheck(Strict):
    """A file is there, with this content."""

    file: Name = Field(description="absolute path on the instance")
    contains: list[Name] = Field(
        default_factory=list, description="texts that the file must all contain"
    )
    sha256: str = Field("", description="exact checksum, 64 hexadecimal digits")


class PytestCheck(Strict):
    """A testinfra file passes."""

    pytest: Name = Field(description="testinfra file, relative to releve.yml")
    timeout: Duration = Field(timedelta(minutes=5), description="longest time for the file")


CHECK_KINDS: Final[dict[str, type[Strict]]] = {
    "http": HttpCheck,
    "tcp": TcpCheck,
    "unit": UnitCheck,
    "command": CommandCheck,
    "file": FileCheck,
    "pytest": PytestCheck,
}


def name_check_kind(value: Any) -> str | None:
    """The kind whose key is there; None when no key or several are, so that one error is told."""
    if isinstance(value, Strict):
        return next((kind for kind, type_ in CHECK_KINDS.items() if type(value) is type_), None)
    present = [kind for kind in CHECK_KINDS if isinstance(value, dict) and kind in value]
    return present[0] if len(present) == 1 else None


CheckPlan = Annotated[
    Annotated[HttpCheck, Tag("http")]
    | Annotated[TcpCheck, Tag("tcp")]
    | Annotated[UnitCheck, Tag("unit")]
    | Annotated[CommandCheck, Tag("command")]
    | Annotated[FileCheck, Tag("file")]
    | Annotated[PytestCheck, Tag("pytest")],
    Discriminator(name_check_kind),
]


class Objectives(Strict):
    """Longest time wanted per phase; measured, shown, never enforced."""

    total: Duration | None = Field(None, description="the whole run")
    decide: Duration | None = Field(None, description="preconditions and intent")
    fence: Duration | None = Field(None, description="fencing the old instance")
    create: Duration | None = Field(None, description="creating the new instance")
    move: Duration | None = Field(None, description="moving the volumes")
    converge: Duration | None = Field(None, description="running the playbook")
    verify: Duration | None = Field(None, description="the checks before the address moves")
    cutover: Duration | None = Field(None, description="moving the address, checks from outside")
    close: Duration | None = Field(None, description="quarantine and report")


class Automation(StrEnum):
    PROPOSE = "propose"
    APPROVE = "approve"
    AUTO = "auto"


class SnapshotPolicy(StrEnum):
    AUTO = "auto"  # where the provider makes them copy-on-write
    ALWAYS = "always"
    NEVER = "never"


class DrillVolumes(StrEnum):
    EMPTY = "empty"
    CLONE = "clone"


class ImageUse(StrEnum):
    EXACT = "exact"  # and nothing else is run, once a scan has proven it
    START = "start"  # then the playbook runs
    NEVER = "never"


class DrillPlan(Strict):
    """How the host's recovery is rehearsed."""

    schedule: str = Field(
        "",
        description="cron expression in UTC, such as 0 3 * * 0; run by `releve serve`; "
        "empty: only by hand",
    )
    volumes: DrillVolumes = Field(
        DrillVolumes.EMPTY,
        strict=False,
        description="empty: the twin gets empty volumes; clone: copies of the host's own",
    )
    image: ImageUse = Field(
        ImageUse.EXACT,
        strict=False,
        description="what a recovery makes of the image that the last drill left. exact: where "
        "it fits exactly, start from it instead of running the playbook, and prove it by a scan; "
        "start: run the playbook on it; never: use the base image, and leave no image",
    )
    twins: int = Field(
        0,
        ge=0,
        le=2,
        description="how many twins a drill makes; two tell what differs by itself; "
        "0: two where no earlier drill on this base image has told, else one",
    )
    timeout: Duration = Field(
        timedelta(hours=2), description="after this, a drill is broken off and cleaned up"
    )


class AutopsyPolicy(StrEnum):
    ALWAYS = "always"
    NEVER = "never"


class HostPlan(Strict):
    """One host, and all that a recovery of it needs."""

    instance: Name = Field(description="name or id of the instance before any recovery")
    image: Name = Field(description="exact name or id of the base image")
    size: str = Field("", description="flavor; on LXD a profile, or CPUs and memory as 2cpu-2GiB")
    network: str = Field("", description="empty: the provider's default network")
    address: Name = Field(description="public IP address that moves")
    volumes: dict[str, VolumePlan] = Field(
        default_factory=dict, description="data volumes, each under a name of your choice"
    )
    ssh: SshPlan = Field(default_factory=SshPlan, description="how the controller logs in")
    converge: ConvergePlan = Field(description="which playbook makes the host")
    checks: list[CheckPlan] = Field(
        min_length=1, description="what must hold before the address moves, and after"
    )
    objectives: Objectives = Field(
        default_factory=Objectives, description="longest time wanted, by phase"
    )
    drill: DrillPlan = Field(
        default_factory=DrillPlan, description="how the host's recovery is rehearsed"
    )
    snapshots: SnapshotPolicy = Field(
        SnapshotPolicy.AUTO,
        strict=False,
        description="of the volumes before they move; auto: where the provider makes them "
        "copy-on-write",
    )
    quarantine: Duration = Field(
        timedelta(days=30), description="how long the old instance is kept at least"
    )
    autopsy: AutopsyPolicy = Field(
        AutopsyPolicy.ALWAYS,
        strict=False,
        description="whether a recovery reads the dead disk once the host is back: what came back, "
        "what did not",
    )
    automation: Automation = Field(
        Automation.PROPOSE,
        strict=False,
        description="propose: a person starts the run; approve: a person confirms it; "
        "auto: it starts by itself",
    )
    watch: HostWatch = Field(default_factory=HostWatch, description="what is watched on this host")


class Plan(Strict):
    """The whole of releve.yml."""

    version: Literal[1] = Field(description="format of this file")
    provider: ProviderPlan = Field(description="where the instances are")
    hosts: dict[str, HostPlan] = Field(min_length=1, description="hosts by inventory name")
    watch: WatchPlan = Field(
        default_factory=WatchPlan, description="how all hosts are watched, and who is told"
    )
