"""Why a request could not be met, found out without making anything."""

from collections.abc import Iterator
from typing import Final

from releve.errors import Missing
from releve.model.resources import InstanceRequest
from releve.plan.sizes import format_size
from releve.providers.lxd.api import LxdApi
from releve.providers.lxd.creation import make_devices
from releve.providers.lxd.errors import reading
from releve.providers.lxd.images import Images
from releve.providers.lxd.isolation import Isolation
from releve.providers.lxd.sizes import profiles_of

_UNPACKED: Final = 4  # an unpacked system is about this many times its packed image


def list_shortfalls(
    api: LxdApi, request: InstanceRequest, *, network: str, pool: str
) -> tuple[str, ...]:
    wanted_network = request.network or network
    return (
        *_missing_network(api, wanted_network),
        *_missing_profiles(api, request.size),
        *_missing_devices(api, request.size, network=wanted_network, pool=pool),
        *_missing_room(api, request.image_id, pool=pool),
        *_used_up_limits(api),
        *(Isolation(api, network=network).list_shortfalls() if request.isolated else ()),
    )


def _missing_network(api: LxdApi, network: str) -> Iterator[str]:
    if network and not _exists(api, "networks", network):
        yield f"there is no network {network}"


def _missing_profiles(api: LxdApi, size: str) -> Iterator[str]:
    for profile in profiles_of(size):
        if not _exists(api, "profiles", profile):
            yield (
                f"there is no size {profile}: it is neither a profile"
                " nor CPUs and memory such as 2cpu-2GiB"
            )


def _missing_devices(api: LxdApi, size: str, *, network: str, pool: str) -> Iterator[str]:
    kinds = {device["type"] for device in make_devices({}, network=network, pool=pool).values()}
    for profile in profiles_of(size):
        if _exists(api, "profiles", profile):
            content = api.get("profiles", profile)
            with reading(f"reading profile {profile}"):
                kinds |= {_kind_of(device) for device in content["devices"].values()}
    if "disk" not in kinds:
        yield "neither the plan nor the profile names a storage pool for the system disk"
    if "nic" not in kinds:
        yield "neither the plan nor the profile names a network"


def _kind_of(device: dict[str, str]) -> str:
    is_data = device["type"] == "disk" and device.get("path") != "/"
    return "data" if is_data else device["type"]


def _missing_room(api: LxdApi, image: str, *, pool: str) -> Iterator[str]:
    if not pool:
        return
    if not _exists(api, "storage-pools", pool):
        yield f"there is no storage pool {pool}"
        return
    needed = Images(api).size_of(image) * _UNPACKED
    resources = api.get("storage-pools", pool, "resources")
    with reading(f"reading the room of pool {pool}"):
        free = int(resources["space"]["total"]) - int(resources["space"].get("used", 0))
    if free < needed:
        yield (
            f"storage pool {pool} has {format_size(free // 2**20 * 2**20)} free,"
            f" the image takes about {format_size(needed // 2**20 * 2**20)}"
        )


def _used_up_limits(api: LxdApi) -> Iterator[str]:
    state = api.get("projects", api.project, "state")
    with reading(f"reading the limits of project {api.project}"):
        for resource in ("instances", "containers"):
            use = state["resources"].get(resource) or {"Limit": -1, "Usage": 0}
            if 0 <= int(use["Limit"]) <= int(use["Usage"]):
                yield (
                    f"project {api.project} may hold {use['Limit']} {resource}"
                    f" and holds {use['Usage']}"
                )


def _exists(api: LxdApi, kind: str, name: str) -> bool:
    try:
        api.get(kind, name)
    except Missing:
        return False
    return True
