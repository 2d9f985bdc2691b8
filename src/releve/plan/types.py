"""The types of releve.yml; JSON Schema and the reference page are generated from them."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from releve.plan.durations import Duration


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class LxdProvider(Strict):
    """LXD or Incus, over its unix socket or HTTPS."""

    kind: Literal["lxd"]
    endpoint: str = Field("", description="unix socket path or https URL; empty: the local daemon")
    project: str = Field("default", description="LXD project that holds the instances")
    network: str = Field("", description="default network of new instances")
    pool: str = Field("", description="storage pool of new instances' system disks")


ProviderPlan = Annotated[LxdProvider, Field(discriminator="kind")]


class VolumePlan(Strict):
    id: str = Field(description="the provider's id; on LXD pool/volume")
    mount: str = Field(description="absolute mount point on the host")
    uuid: str = Field("", description="file system UUID; when given, it must match before mounting")
    size: str = Field("", description="exact size as the provider states it, such as 1GiB")
    filesystem: str = Field("", description="type forced at mount; needed for block volumes")


class HostKeyPolicy(StrEnum):
    PROVIDER = "provider"  # the new instance's own keys, read through the provider
    CARRY_OVER = "carry_over"  # the keys in host_key_files, given to the new instance


class SshPlan(Strict):
    user: str = "root"
    port: int = Field(22, ge=1, le=65535)
    identity_files: list[str] = Field(default_factory=list)
    host_keys: HostKeyPolicy = Field(HostKeyPolicy.PROVIDER, strict=False)
    host_key_files: list[str] = Field(
        default_factory=list, description="vaulted private host keys, for carry_over"
    )


class ConvergePlan(Strict):
    playbook: str = Field(description="relative to releve.yml")
    inventory: list[str] = Field(
        default_factory=list, description="relative paths; empty: as ansible.cfg says"
    )
    name: str = Field("", description="the host's inventory name; empty: the key of this entry")
    early_tags: list[str] = Field(
        default_factory=list,
        description="tags whose tasks need no data; run while the volumes are moved",
    )
    skip_tags: list[str] = Field(default_factory=list)
    timeout: Duration = timedelta(hours=1)


class HttpCheck(Strict):
    http: str = Field(description="URL; the connection goes to the host's own address only")
    status: int = Field(200, ge=100, le=599)
    contains: list[str] = Field(default_factory=list)
    tls_days: int = Field(0, ge=0, description="least days until the certificate expires")
    verify_tls: bool = True
    timeout: Duration = timedelta(seconds=10)


class TcpCheck(Strict):
    tcp: int = Field(ge=1, le=65535)
    timeout: Duration = timedelta(seconds=5)


class UnitCheck(Strict):
    unit: str


class CommandCheck(Strict):
    command: list[str] = Field(min_length=1, description="argv on the instance; exit 0 passes")
    contains: list[str] = Field(default_factory=list)
    timeout: Duration = timedelta(seconds=30)


class FileCheck(Strict):
    file: str = Field(description="absolute path on the instance")
    contains: list[str] = Field(default_factory=list)
    sha256: str = ""


class PytestCheck(Strict):
    pytest: str = Field(description="testinfra file, relative to releve.yml")
    timeout: Duration = timedelta(minutes=5)


CheckPlan = HttpCheck | TcpCheck | UnitCheck | CommandCheck | FileCheck | PytestCheck


class Objectives(Strict):
    """Longest time wanted per phase; measured, shown, never enforced."""

    total: Duration | None = None
    decide: Duration | None = None
    fence: Duration | None = None
    create: Duration | None = None
    move: Duration | None = None
    converge: Duration | None = None
    verify: Duration | None = None
    cutover: Duration | None = None
    close: Duration | None = None


class Automation(StrEnum):
    PROPOSE = "propose"
    APPROVE = "approve"
    AUTO = "auto"


class SnapshotPolicy(StrEnum):
    AUTO = "auto"  # where the provider makes them copy-on-write
    ALWAYS = "always"
    NEVER = "never"


class HostPlan(Strict):
    instance: str = Field(description="name or id of the instance before any recovery")
    image: str = Field(description="exact name or id of the base image")
    size: str = Field("", description="flavor; on LXD a profile, or CPUs and memory as 2cpu-2GiB")
    network: str = Field("", description="empty: the provider's default network")
    address: str = Field(description="public IP address that moves")
    volumes: dict[str, VolumePlan] = Field(default_factory=dict)
    ssh: SshPlan = Field(default_factory=SshPlan)
    converge: ConvergePlan
    checks: list[CheckPlan] = Field(min_length=1)
    objectives: Objectives = Field(default_factory=Objectives)
    snapshots: SnapshotPolicy = Field(SnapshotPolicy.AUTO, strict=False)
    quarantine: Duration = Field(
        timedelta(days=30), description="how long the old instance is kept at least"
    )
    automation: Automation = Field(Automation.PROPOSE, strict=False)


class Plan(Strict):
    version: Literal[1]
    provider: ProviderPlan
    hosts: dict[str, HostPlan] = Field(min_length=1)
