"""What an act wants an instance to be: its configuration and devices, made by pure functions.

What an act takes away is kept in the instance's own user.releve.* keys, so that it can be given
back as it was.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from releve.errors import Missing, Refused
from releve.model.resources import Labels
from releve.providers.lxd.labels import replace_labels

LOCK_DEVICE: Final = "releve-lock"
# LXD 5.0 has no lock. A required device that does not exist keeps an instance from starting.
_LOCK: Final = {
    "type": "unix-char",
    "source": "/dev/releve-locked",
    "path": "/dev/releve-locked",
    "required": "true",
}
_MASK: Final = {"type": "none"}
_KEPT_AUTOSTART: Final = "user.releve.kept-autostart"
_KEPT_NETWORK: Final = "user.releve.kept-network"
_LAST_ADDRESS: Final = "user.releve.last-address"  # stays, since only it tells whose it was
_KEPT_VOLUME: Final = "user.releve.kept-volume."
_SYSTEM_DISK: Final = "user.releve.system-disk."  # by device: whose it is

Device = dict[str, str]
Devices = Mapping[str, Device]


@dataclass(frozen=True)
class Draft:
    config: dict[str, str]
    devices: dict[str, Device]
    expanded: dict[str, Device]  # own devices over those of the profiles

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Draft":
        return cls(
            config={str(key): str(text) for key, text in content["config"].items()},
            devices=_copy(content["devices"]),
            expanded=_copy(content["expanded_devices"]),
        )

    def is_like(self, other: "Draft") -> bool:
        """Whether both say the same, apart from what LXD itself writes at any moment."""
        return self.devices == other.devices and settled(self.config) == settled(other.config)


def settled(config: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in config.items() if text and not key.startswith("volatile.")}


def is_locked(draft: Draft) -> bool:
    return LOCK_DEVICE in draft.devices and draft.config.get("boot.autostart") == "false"


def networks_of(draft: Draft) -> dict[str, Device]:
    return {key: nic for key, nic in draft.expanded.items() if nic.get("type") == "nic"}


def hardware_addresses(draft: Draft) -> set[str]:
    found = {
        nic.get("hwaddr") or draft.config.get(f"volatile.{key}.hwaddr", "")
        for key, nic in networks_of(draft).items()
    }
    return found - {""}


def fixed_addresses(draft: Draft) -> list[str]:
    """What the configuration fixes; IPv4 first."""
    keys = ("ipv4.address", "ipv6.address")
    return [nic[key] for key in keys for nic in networks_of(draft).values() if nic.get(key)]


def last_address(draft: Draft) -> str:
    """What it had when it was isolated."""
    return draft.config.get(_LAST_ADDRESS, "")


def volumes_of(draft: Draft) -> dict[str, Device]:
    """Device name to device, for each custom volume."""
    return {
        key: disk
        for key, disk in draft.expanded.items()
        if disk.get("type") == "disk" and disk.get("pool") and disk.get("source")
    }


def label(draft: Draft, labels: Labels) -> Draft:
    return replace(draft, config=replace_labels(draft.config, labels))


def lock(draft: Draft) -> Draft:
    if is_locked(draft):
        return draft
    kept = {_KEPT_AUTOSTART: json.dumps(draft.config.get("boot.autostart", ""))}
    return replace(
        draft,
        config=kept | draft.config | {"boot.autostart": "false"},
        devices=draft.devices | {LOCK_DEVICE: dict(_LOCK)},
    )


def unlock(draft: Draft) -> Draft:
    config = dict(draft.config)
    autostart = json.loads(config.pop(_KEPT_AUTOSTART, '""'))
    config.pop("boot.autostart", None)
    if autostart:
        config["boot.autostart"] = str(autostart)
    devices = {key: device for key, device in draft.devices.items() if key != LOCK_DEVICE}
    return replace(draft, config=config, devices=devices)


def isolate(draft: Draft, *, address: str) -> Draft:
    """Mask each network interface; a profile's too, which could not be removed."""
    networks = networks_of(draft)
    if not networks:
        return draft
    kept = {
        key: {"hwaddr": draft.config.get(f"volatile.{key}.hwaddr", "")} | nic
        for key, nic in networks.items()
    }
    masks = {key: dict(_MASK) for key in networks}
    earlier = json.loads(draft.config.get(_KEPT_NETWORK, "{}"))
    config = draft.config | {_KEPT_NETWORK: json.dumps(earlier | kept, sort_keys=True)}
    if address:
        config[_LAST_ADDRESS] = address
    return replace(draft, config=config, devices=draft.devices | masks)


def reconnect(draft: Draft) -> Draft:
    """With the same hardware addresses as before, so that DHCP gives the same address."""
    config, devices = dict(draft.config), dict(draft.devices)
    for key, kept in json.loads(config.pop(_KEPT_NETWORK, "{}")).items():
        devices[key] = {name: text for name, text in kept.items() if text}
    return replace(draft, config=config, devices=devices)


def attach(draft: Draft, *, pool: str, volume: str, mount_point: str) -> Draft:
    require_mount_point(mount_point, what=f"volume {pool}/{volume}")
    config, kept_key = dict(draft.config), f"{_KEPT_VOLUME}{pool}.{volume}"
    kept = json.loads(config.pop(kept_key, "{}"))
    device = {"type": "disk", "pool": pool, "source": volume, "path": mount_point}
    name = kept.get("name") or _free_name(draft, volume)
    if kept and (kept.get("device") or {}).get("path") == mount_point and name not in draft.devices:
        device = kept["device"]
    return replace(draft, config=config, devices=draft.devices | {name: device})


def detach(draft: Draft, *, pool: str, volume: str) -> Draft:
    held = {
        key: disk
        for key, disk in volumes_of(draft).items()
        if (disk["pool"], disk["source"]) == (pool, volume)
    }
    if not held:
        raise Missing(
            f"volume {pool}/{volume} is not attached to this instance",
            remedy="Look at the volume again",
        )
    config, devices = dict(draft.config), dict(draft.devices)
    for key, disk in held.items():
        is_own = devices.pop(key, None) is not None
        if is_own:
            config[f"{_KEPT_VOLUME}{pool}.{volume}"] = json.dumps(
                {"name": key, "device": disk}, sort_keys=True
            )
        else:
            devices[key] = dict(_MASK)
    return replace(draft, config=config, devices=devices)


def system_disks_of(draft: Draft) -> tuple[str, ...]:
    """Instances whose system disks it is given to read."""
    held = (key.removeprefix(_SYSTEM_DISK) for key in draft.config if key.startswith(_SYSTEM_DISK))
    found = (draft.config[f"{_SYSTEM_DISK}{key}"] for key in held if key in draft.devices)
    return tuple(sorted(found))


def show_system_disk(draft: Draft, instance: str, *, device: Device) -> Draft:
    name = _name_of_disk(instance)
    return replace(
        draft,
        config=draft.config | {f"{_SYSTEM_DISK}{name}": instance},
        devices=draft.devices | {name: device},
    )


def hide_system_disk(draft: Draft, instance: str) -> Draft:
    name = _name_of_disk(instance)
    config, devices = dict(draft.config), dict(draft.devices)
    config.pop(f"{_SYSTEM_DISK}{name}", None)
    if devices.pop(name, None) is None:
        raise Missing(
            f"the system disk of {instance} is not attached to this instance",
            remedy="Look at the instance again",
        )
    return replace(draft, config=config, devices=devices)


def _name_of_disk(instance: str) -> str:
    return f"dead-{hashlib.sha256(instance.encode()).hexdigest()[:12]}"


def require_mount_point(mount_point: str, *, what: str) -> None:
    if not mount_point.startswith("/") or mount_point == "/" or ".." in mount_point.split("/"):
        raise Refused(
            f"{what} cannot be mounted at {mount_point!r}",
            why="a mount point is an absolute path below /",
            remedy="Correct the volume's mount in the plan",
        )


def _free_name(draft: Draft, volume: str) -> str:
    wanted, count = volume[:50], 2
    name = wanted
    while name in draft.expanded or name in draft.devices:
        name, count = f"{wanted}-{count}", count + 1
    return name


def _copy(devices: Mapping[str, Any]) -> dict[str, Device]:
    return {
        str(name): {str(key): str(text) for key, text in device.items()}
        for name, device in devices.items()
    }
