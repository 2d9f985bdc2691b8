"""Sizes on LXD: the name of a profile, or CPUs and memory as 2cpu-2GiB."""

import re
from collections.abc import Mapping
from typing import Final

_PATTERN: Final = re.compile(r"(\d{1,3})cpu-(\d{1,6}(?:MiB|GiB))")
_DEFAULT_PROFILE: Final = "default"


def limits_of(size: str) -> dict[str, str]:
    """Configuration keys that hold the instance to this size; empty for a profile's name."""
    match = _PATTERN.fullmatch(size)
    return {"limits.cpu": match[1], "limits.memory": match[2]} if match else {}


def profiles_of(size: str) -> list[str]:
    if not size or size == _DEFAULT_PROFILE or limits_of(size):
        return [_DEFAULT_PROFILE]
    return [_DEFAULT_PROFILE, size]


def describe_size(config: Mapping[str, str], profiles: list[str]) -> str:
    if config.get("limits.cpu") and config.get("limits.memory"):
        return f"{config['limits.cpu']}cpu-{config['limits.memory']}"
    return profiles[-1] if profiles else ""
