"""Lines of a scan in the order they came: packed, in memory while small, then on disk unnamed."""

import re
import tempfile
import zlib
from collections.abc import Iterator
from typing import IO, Final

_IN_MEMORY: Final = 32 << 20
_PIECE: Final = 256 << 10
_MOST_KEPT: Final = 32 << 20
_FINGERPRINT: Final = re.compile(rb'\["d",(?:null|"(?:[^"\\]|\\.)*"),"([0-9a-f]{16})",')


class Spool:
    """Written once, then read as often as wanted."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - lives as long as the spool
            max_size=_IN_MEMORY
        )
        self._packer = zlib.compressobj(1)
        self._is_whole = False

    def close(self) -> None:
        self._file.close()

    def add(self, line: bytes) -> None:
        """Without its end of line."""
        if piece := self._packer.compress(line + b"\n"):
            self._file.write(piece)

    def finish(self) -> None:
        if not self._is_whole:
            self._file.write(self._packer.flush())
            self._is_whole = True

    def lines(self) -> Iterator[bytes]:
        self.finish()
        unpacker = zlib.decompressobj()
        rest = bytearray()
        place = 0
        while True:
            self._file.seek(place)
            packed = self._file.read(_PIECE)
            place += len(packed)
            for piece in _unpack(unpacker, packed):
                rest += piece
                *whole, last = rest.split(b"\n")
                yield from map(bytes, whole)
                rest = last
            if not packed:
                return

    def fingerprints(self) -> bytes:
        """Eight bytes for each directory that can be recognised, one after the other."""
        found = (_FINGERPRINT.match(line) for line in self.lines())
        return b"".join(bytes.fromhex(match[1].decode("ascii")) for match in found if match)

    def dump(self) -> bytes | None:
        """For `load_spool`; None where it is too large to be kept."""
        self.finish()
        self._file.seek(0)
        content = self._file.read(_MOST_KEPT + 1)
        return content if len(content) <= _MOST_KEPT else None


def load_spool(content: bytes) -> Spool | None:
    """None where the bytes are no spool: then everything is read again."""
    spool = Spool()
    spool._file.write(content)  # noqa: SLF001 - its own other constructor
    spool._is_whole = True  # noqa: SLF001
    try:
        for _ in spool.lines():
            pass
    except zlib.error:
        return None
    return spool


def _unpack(unpacker: "zlib._Decompress", packed: bytes) -> Iterator[bytes]:
    while packed:
        yield unpacker.decompress(packed, _PIECE)
        packed = unpacker.unconsumed_tail
    if unpacker.eof:
        yield unpacker.flush()
