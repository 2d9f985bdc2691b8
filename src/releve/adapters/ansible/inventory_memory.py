"""What the inventory said, for as long as no file of it has changed.

The checks before a run read the inventory once; the converge that follows need not read it again.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from releve.adapters.ansible import inventory
from releve.adapters.ansible.inventory import Query

_MOST_FILES = 20_000  # more are not looked at: then nothing is remembered
_SKIPPED = {".git", ".venv", "node_modules"}

_State = tuple[tuple[str, int, int], ...]


class InventoryMemory:
    """Per process; a dynamic source's answer is kept like any other."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], tuple[_State, Mapping[str, Mapping[str, Any]]]] = {}

    def read_hosts(self, query: Query) -> Mapping[str, Mapping[str, Any]]:
        state = _state(query)
        hosts = inventory.read_hosts(query)
        if state:
            self._kept[_key(query)] = (state, hosts)
        return hosts

    def read_host(self, query: Query, host: str) -> Mapping[str, Any]:
        """PlanError for an unknown host."""
        state, hosts = self._kept.get(_key(query), ((), {}))
        if host in hosts and state == _state(query):
            return hosts[host]
        return inventory.read_host(query, host)


def _key(query: Query) -> tuple[object, ...]:
    return (
        query.sources,
        query.repository,
        query.playbook_directory,
        tuple(sorted(query.environment.items())),
    )


def _state(query: Query) -> _State:
    """Name, size and time of change of every file; empty where there are too many."""
    found: list[tuple[str, int, int]] = []
    for directory in (query.repository, *query.sources):
        for entry in _files(str(Path(query.repository) / directory)):
            status = entry.stat()
            found.append((entry.path, status.st_size, status.st_mtime_ns))
            if len(found) > _MOST_FILES:
                return ()
    return tuple(sorted(found))


def _files(directory: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _SKIPPED:
                        yield from _files(entry.path)
                elif entry.is_file():
                    yield entry
    except OSError:
        return
