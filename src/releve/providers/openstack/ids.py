"""Ids of this cloud: UUIDs. Nothing else becomes part of a URL."""

import re
from typing import Final

from releve.errors import Missing
from releve.model.server_text import show_server_text

_UUID: Final = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE
)


def is_id(text: str) -> bool:
    return bool(_UUID.fullmatch(text))


def require_id(text: str, *, kind: str) -> str:
    """The same text; Missing where nothing can have this id."""
    if not is_id(text):
        raise Missing(
            f"no {kind} {show_server_text(text, limit=80)!r}",
            why="ids of this cloud are UUIDs, and this is none",
            remedy=f"See what exists with: openstack {kind.replace('instance', 'server')} list",
        )
    return text
