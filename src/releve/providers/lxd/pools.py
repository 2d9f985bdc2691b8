"""Which storage pools copy on write, so that a copy costs next to nothing."""

from collections.abc import Mapping
from typing import Any, Final

_COPY_ON_WRITE: Final = frozenset({"btrfs", "zfs", "ceph", "cephfs"})


def holds_volumes(pool: Mapping[str, Any]) -> bool:
    return any("/volumes/custom/" in str(user) for user in pool.get("used_by") or [])


def is_copy_on_write(pool: Mapping[str, Any]) -> bool:
    if pool["driver"] == "lvm":
        return bool((pool.get("config") or {}).get("lvm.use_thinpool", "true") == "true")
    return pool["driver"] in _COPY_ON_WRITE
