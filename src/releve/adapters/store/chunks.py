"""Facts as bytes, in chunks whose ends depend on keys alone: a small change moves few chunks."""

import json
import zlib
from collections.abc import Iterable, Iterator

from releve.adapters.store.sealing import stored_wrong
from releve.model.observed import Fact, FactKind

_LEAST_BYTES = 48 * 1024
_MOST_BYTES = 256 * 1024
_ONE_IN = 256  # keys end a chunk; at some 250 bytes a fact this adds 64 KiB on average
_FAST = 1  # the default level takes three times as long for a fifth less

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_KINDS = {kind.value: kind for kind in FactKind}


def split_facts(facts: Iterable[Fact]) -> Iterator[tuple[bytes, int]]:
    """Each chunk with the number of its facts."""
    lines: list[bytes] = []
    size = 0
    for fact in facts:
        line = _write_fact(fact)
        if lines and size + len(line) > _MOST_BYTES:
            yield b"".join(lines), len(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
        if size >= _LEAST_BYTES and _ends_chunk(fact.key):
            yield b"".join(lines), len(lines)
            lines, size = [], 0
    if lines:
        yield b"".join(lines), len(lines)


def read_chunk(chunk: bytes) -> Iterator[Fact]:
    try:
        text = chunk.decode("utf-8", "surrogatepass")
        for line in text[:-1].split("\n"):
            kind, key, attributes, evidence = json.loads(line)
            yield Fact(_KINDS[kind], key, attributes, evidence)
    except (ValueError, KeyError) as error:
        raise stored_wrong("a chunk of facts cannot be read", str(error)) from error


def compress(plain: bytes) -> bytes:
    return zlib.compress(plain, _FAST)


def decompress(packed: bytes) -> bytes:
    return zlib.decompress(packed)  # sealed by us: no bomb


def _write_fact(fact: Fact) -> bytes:
    fields = [fact.kind.value, fact.key, dict(fact.attributes), dict(fact.evidence)]
    return _encode(fields).encode("utf-8", "surrogatepass") + b"\n"


def _ends_chunk(key: str) -> bool:
    return zlib.crc32(key.encode("utf-8", "surrogatepass")) % _ONE_IN == 0
