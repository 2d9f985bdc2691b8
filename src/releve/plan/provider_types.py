"""The section `provider` of releve.yml: one type for each kind."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from releve.plan.strict import Name, Strict


class LxdProvider(Strict):
    """LXD or Incus, over its unix socket or HTTPS."""

    carries_host_keys: ClassVar[bool] = True  # a new instance can be given private ones
    mounts_volumes: ClassVar[bool] = True  # False: a volume is a bare disk, mounted in the guest

    kind: Literal["lxd"] = Field(description="which provider holds the instances")
    endpoint: str = Field(
        "",
        description="unix socket path, https URL, or lab:NAME for a lab on this machine; "
        "empty: the local daemon",
    )
    project: Name = Field("default", description="LXD project that holds the instances")
    network: str = Field("", description="default network of new instances")
    pool: str = Field("", description="storage pool of new instances' system disks")


class OpenstackProvider(Strict):
    """OpenStack, through the user's clouds.yaml, which keeps the credentials."""

    carries_host_keys: ClassVar[bool] = False
    mounts_volumes: ClassVar[bool] = False

    kind: Literal["openstack"] = Field(description="which provider holds the instances")
    cloud: Name = Field(description="name of the cloud in clouds.yaml")
    region: str = Field("", description="empty: as clouds.yaml says")
    network: str = Field(
        "", description="default network of new instances; empty: the only one there is"
    )
    security_groups: list[Name] = Field(
        default_factory=list,
        description="names or ids of new instances' security groups; empty: the project's default",
    )
    zone: str = Field("", description="availability zone of new instances and volumes")
    system_disk: str = Field(
        "",
        description="size of new instances' system disks, such as 25GiB, which are volumes then; "
        "empty: the flavor's own disk, or a volume of the image's size where it has none",
    )
    controller: str = Field(
        "",
        description="address or network from which isolated instances are reached; "
        "empty: from their own network",
    )


ProviderPlan = Annotated[LxdProvider | OpenstackProvider, Field(discriminator="kind")]
