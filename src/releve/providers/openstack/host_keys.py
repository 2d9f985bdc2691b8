"""Public SSH host keys, from the block that cloud-init marks in the console log.

The console is the instance's own voice: once somebody else writes there too, a second block
could name a key of his. So all blocks must say the same.
"""

import re
from collections.abc import Iterator
from typing import Final

from releve.errors import Ambiguous, Busy
from releve.model.host_key_text import parse_public_key
from releve.model.resources import HostKey
from releve.providers.openstack.api import OpenstackApi
from releve.providers.openstack.errors import reading
from releve.providers.openstack.ids import require_id

_BEGIN: Final = "-----BEGIN SSH HOST KEY KEYS-----"
_END: Final = "-----END SSH HOST KEY KEYS-----"
# What a getty or a kernel puts before a line: a time in brackets, or cloud-init's own tag.
_KEY: Final = re.compile(r"(?:ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) [A-Za-z0-9+/]+={0,2}")
_MOST_CHARACTERS: Final = 2**20
_MOST_LINES: Final = 50  # within one block


def read_host_keys(api: OpenstackApi, instance_id: str) -> tuple[HostKey, ...]:
    """Empty while the instance has not written a whole block."""
    require_id(instance_id, kind="instance")
    what = f"reading the console of instance {instance_id}"
    body = {"os-getConsoleOutput": {"length": None}}
    try:
        content = api.ask("compute", ("servers", instance_id, "action"), body, what=what)
    except Busy:  # it is not on a hypervisor yet, or not any more
        return ()
    with reading(what):
        text = content["output"] or ""
        if not isinstance(text, str):
            raise TypeError("the console log is no text")
    return parse_console(text, instance_id=instance_id)


def parse_console(text: str, *, instance_id: str) -> tuple[HostKey, ...]:
    """Ambiguous where two blocks name different keys."""
    blocks = [keys for keys in map(_parse_block, _split_blocks(text)) if keys]
    if len(set(blocks)) > 1:
        raise Ambiguous(
            f"the console of instance {instance_id} shows {len(set(blocks))} sets of host keys",
            why="whoever can write to the console could have added one",
            remedy="Compare them with /etc/ssh/*.pub on the instance's console; if in doubt,"
            " cancel the run and delete the instance",
        )
    return blocks[0] if blocks else ()


def _split_blocks(text: str) -> Iterator[list[str]]:
    """Whole ones only: without its last line a block may have been cut anywhere."""
    block: list[str] | None = None
    for line in text[-_MOST_CHARACTERS:].splitlines():
        if _BEGIN in line:
            block = []
        elif _END in line and block is not None:
            yield block
            block = None
        elif block is not None:
            block.append(line)
            if len(block) > _MOST_LINES:
                block = None


def _parse_block(lines: list[str]) -> tuple[HostKey, ...]:
    """In the order of their algorithms; what is no key is left out."""
    found = (_KEY.search(line) for line in lines)
    keys = {parse_public_key(match[0].encode()) for match in found if match}
    known = [key for key in keys if key is not None]
    return tuple(sorted(known, key=lambda key: (key.algorithm, key.public)))
