"""A kernel limit that labs outgrow: raised while there is one, put back with the last."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Limit:
    setting: Path
    note: Path  # holds the value to be put back; goes with a restart, as the setting does
    wanted: int

    @property
    def name(self) -> str:
        return str(self.setting).removeprefix("/proc/sys/").replace("/", ".")


# Each host uses about ten, and all hosts of all labs count as one user; 128 is usual.
INOTIFY: Final = Limit(
    setting=Path("/proc/sys/fs/inotify/max_user_instances"),
    note=Path("/run/releve-lab.inotify"),
    wanted=1024,
)


def raise_limit(limit: Limit) -> str:
    """What was done, in a sentence; empty when it was high enough."""
    found = int(limit.setting.read_text())
    if found >= limit.wanted:
        return ""
    if not limit.note.exists():
        limit.note.write_text(f"{found}\n")
    limit.setting.write_text(f"{limit.wanted}\n")
    return f"{limit.name} raised from {found} to {limit.wanted} while there are labs"


def restore_limit(limit: Limit) -> str:
    """What was done; a value that somebody else has set since stays."""
    if not limit.note.exists():
        return ""
    before = int(limit.note.read_text())
    limit.note.unlink()
    if int(limit.setting.read_text()) != limit.wanted:
        return ""
    limit.setting.write_text(f"{before}\n")
    return f"{limit.name} put back to {before}"
