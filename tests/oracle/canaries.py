"""I10: a secret that was seen nowhere, in whatever form it could have been written."""

import base64
import binascii
import contextlib
import re
import urllib.parse
import zlib
from collections.abc import Iterator
from pathlib import Path

_BASE64 = re.compile(rb"[A-Za-z0-9+/_=-]{16,}")
_GZIP = b"\x1f\x8b\x08"
_LAYERS = 4  # a pickle in base64 in gzip in base64


def find_secret(directory: Path, secret: str) -> list[str]:
    """Every file under the directory that holds the secret in any of its forms."""
    found = []
    for path in sorted(directory.rglob("*")):
        if path.is_file() and holds_secret(path.read_bytes(), secret):
            found.append(str(path.relative_to(directory)))
        if secret in path.name:
            found.append(f"the name {path.relative_to(directory)}")
    return found


def holds_secret(content: bytes, secret: str) -> bool:
    forms = _forms_of(secret)
    return any(form in layer for layer in _layers(content, depth=_LAYERS) for form in forms)


def _forms_of(secret: str) -> set[bytes]:
    raw = secret.encode()
    return {
        raw,
        raw[::-1],
        binascii.hexlify(raw),
        binascii.hexlify(raw).upper(),
        secret.encode("utf-16-le"),
        secret.encode("utf-16-be"),
        urllib.parse.quote(secret, safe="").encode(),
        *_base64_cores(raw),
    }


def _base64_cores(raw: bytes) -> Iterator[bytes]:
    """What base64 makes of the secret in the middle of other bytes, at each of three offsets."""
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * offset + raw)
            first = -(-offset * 8 // 6)
            last = (len(raw) + offset) * 8 // 6
            yield encoded[first:last]


def _layers(content: bytes, *, depth: int) -> Iterator[bytes]:
    yield content
    if depth == 0:
        return
    for inner in (*_gunzipped(content), *_decoded(content)):
        yield from _layers(inner, depth=depth - 1)


def _gunzipped(content: bytes) -> Iterator[bytes]:
    start = content.find(_GZIP)
    while start >= 0:
        reader = zlib.decompressobj(wbits=31)
        with contextlib.suppress(zlib.error):
            yield reader.decompress(content[start:], 2**26)
        start = content.find(_GZIP, start + 1)


def _decoded(content: bytes) -> Iterator[bytes]:
    """Base64 texts that hold something compressed; plain ones are found by their core."""
    for match in _BASE64.finditer(content):
        text = match.group().rstrip(b"=")
        text = text.replace(b"-", b"+").replace(b"_", b"/")
        try:
            inner = base64.b64decode(text + b"=" * (-len(text) % 4))
        except binascii.Error:
            continue
        if _GZIP in inner or _BASE64.search(inner):
            yield inner
