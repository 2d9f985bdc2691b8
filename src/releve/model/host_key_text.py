"""A public SSH host key as text, which may come from a hostile instance."""

import base64
import re
from typing import Final

from releve.model.resources import HostKey

ALGORITHMS: Final = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")
_LINE: Final = re.compile(rb"([a-z0-9-]{1,32}) ([A-Za-z0-9+/]{16,4096}={0,2})(?: [^\r\n]*)?\s*")
_LONGEST_LINE: Final = 8192


def parse_public_key(content: bytes) -> HostKey | None:
    """None where this is not exactly one key whose inside and outside name one algorithm."""
    match = _LINE.fullmatch(content) if len(content) <= _LONGEST_LINE else None
    if match is None:
        return None
    try:
        algorithm = first_string(base64.b64decode(match[2], validate=True))
    except ValueError:
        return None
    if algorithm != match[1] or algorithm.decode() not in ALGORITHMS:
        return None
    return HostKey(algorithm.decode(), match[2].decode())


def first_string(wire: bytes) -> bytes:
    length = int.from_bytes(wire[:4], "big")
    if len(wire) < 4 + length:
        raise ValueError("it ends too early")
    return wire[4 : 4 + length]
