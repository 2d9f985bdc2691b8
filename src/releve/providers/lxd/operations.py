"""Operations under way: what LXD is doing to an instance right now."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

# A backup or an open console goes on beside anything; these must end first.
_EXCLUSIVE: Final = frozenset(
    {
        "Creating", "Starting", "Stopping", "Restarting", "Freezing", "Unfreezing", "Updating",
        "Deleting", "Renaming", "Migrating", "Restoring", "Rebuilding", "Copying",
    }
)  # fmt: skip


def operation_under_way(operations: Any, instance: str) -> str:
    """LXD's own words for it; empty: none."""
    return next((str(found["description"]) for found in operations_on(operations, instance)), "")


def operations_on(operations: Any, instance: str) -> Iterator[Mapping[str, Any]]:
    for operation in (operations or {}).get("running") or []:
        touched = (operation.get("resources") or {}).get("instances") or []
        names = {str(url).split("?", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1] for url in touched}
        verb = str(operation.get("description", "")).split(" ", maxsplit=1)[0]
        if operation.get("class") == "task" and verb in _EXCLUSIVE and instance in names:
            yield operation
