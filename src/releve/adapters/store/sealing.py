"""Encryption of what hosts said: AES-256-GCM, and digests that only the key's holder can make."""

import hmac
import secrets
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from releve.errors import JournalError

KEY_BYTES = 32
_NONCE_BYTES = 12  # random: safe for 2^32 seals under one key, a thousand chunks a day for ever


class Sealing:
    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher = AESGCM(self._derive("encryption"))
        self._digest_key = self._derive("digests")

    def seal(self, plain: bytes, *, place: str, name: bytes) -> bytes:
        """`place` and `name` say where it is stored: it opens nowhere else."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, _join(place, name))

    def open(self, sealed: bytes, *, place: str, name: bytes) -> bytes:
        nonce, box = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, box, _join(place, name))
        except (InvalidTag, ValueError) as error:
            raise stored_wrong(f"a {place} in the store was changed", "its seal is broken") from (
                error
            )

    def digest(self, place: str, *parts: bytes) -> bytes:
        """32 bytes; nobody without the key can try out guesses."""
        return hmac.digest(self._digest_key, _join(place, *parts), sha256)

    def secret_for(self, host: str) -> bytes:
        return self._derive(f"secret of host {host}")

    def _derive(self, purpose: str) -> bytes:
        information = f"releve observed states: {purpose}".encode()
        return HKDF(SHA256(), length=KEY_BYTES, salt=None, info=information).derive(self._key)


def stored_wrong(what: str, why: str) -> JournalError:
    return JournalError(
        what,
        why=why,
        remedy="Restore the database from its backup, or scan the host again",
    )


def _join(place: str, *parts: bytes) -> bytes:
    """Each part with its length: no two lists of parts are the same bytes."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in (place.encode(), *parts))
