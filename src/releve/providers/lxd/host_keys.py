"""Host keys: public ones read through the provider, private ones placed before the first start."""

import base64
from typing import Final

from releve.errors import Malformed, Refused
from releve.model.host_key_text import first_string, parse_public_key
from releve.model.resources import HostKey
from releve.providers.lxd.api import LxdApi

KEY_FILES: Final = {
    "ssh-ed25519": "/etc/ssh/ssh_host_ed25519_key",
    "ecdsa-sha2-nistp256": "/etc/ssh/ssh_host_ecdsa_key",
    "ssh-rsa": "/etc/ssh/ssh_host_rsa_key",
}
_MAGIC: Final = b"openssh-key-v1\0"


def read_host_keys(api: LxdApi, instance: str) -> tuple[HostKey, ...]:
    """Empty while the instance has not made them; what is no key is left out."""
    keys = []
    for algorithm, path in KEY_FILES.items():
        try:
            content = api.read_file(instance, f"{path}.pub")
        except Malformed:  # longer than any key
            continue
        key = parse_public_key(content or b"")
        if key and key.algorithm == algorithm:
            keys.append(key)
    return tuple(keys)


def describe_private_key(pem: str) -> tuple[str, HostKey]:
    """The path it belongs to, and its public half; Refused for what sshd could not load."""
    body = "".join(line for line in pem.strip().splitlines() if not line.startswith("-----"))
    try:
        blob = base64.b64decode(body, validate=True)
        fields = _read_header(blob)
        algorithm = first_string(fields["public"]).decode("ascii")
    except ValueError as error:
        raise _unusable(str(error)) from error
    if fields["cipher"] != b"none":
        raise _unusable("it is locked by a passphrase")
    if algorithm not in KEY_FILES:
        raise _unusable(f"its algorithm {algorithm[:40]!r} is not one of {', '.join(KEY_FILES)}")
    public = base64.b64encode(fields["public"]).decode()
    return KEY_FILES[algorithm], HostKey(algorithm, public)


def _read_header(blob: bytes) -> dict[str, bytes]:
    if not blob.startswith(_MAGIC):
        raise ValueError("it is not in OpenSSH's own format")
    fields, rest = [], blob[len(_MAGIC) :]
    for _ in range(3):
        fields.append(first_string(rest))
        rest = rest[4 + len(fields[-1]) :]
    if int.from_bytes(rest[:4], "big") != 1:
        raise ValueError("it holds another number of keys than one")
    return {"cipher": fields[0], "public": first_string(rest[4:])}


def _unusable(why: str) -> Refused:
    return Refused(
        "a private host key of the plan cannot be carried over",
        why=why,
        remedy="Convert it with: ssh-keygen -p -N '' -f FILE",
    )
