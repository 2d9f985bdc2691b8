"""What the plan says of this cloud, beside its name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    network: str = ""
    security_groups: tuple[str, ...] = ()
    zone: str = ""
    system_disk: str = ""  # size, such as 25GiB; empty: the flavor's own, or the image's least
    controller: str = ""  # address or network from which the controller reaches isolated instances
    off_seconds: float = 90.0  # for a guest to turn itself off at its first boot
