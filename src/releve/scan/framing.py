"""The program's output as it comes: past the login shell's words, unpacked, cut into lines."""

import zlib
from collections.abc import Callable
from typing import Any, Final

from releve.scan.malformed import malformed
from releve.scan.request import ScanBounds
from releve.scan.strict_json import read_json

_PIECE: Final = 256 << 10


class Framing:
    """CommandFailed from `take` where the answer is none; it may end at any byte.

    The first line holds a number that only this request knows, so that nothing printed before it
    can be taken for it; the last one tells that nothing is missing.
    """

    def __init__(
        self, nonce: str, *, bounds: ScanBounds, take_line: Callable[[bytes], None]
    ) -> None:
        self.is_begun = False
        self.is_ended = False
        self.noise = bytearray()
        self._mark = f'["releve-scan",1,"{nonce}",'.encode("ascii")
        self._end = f'["end","{nonce}",'.encode("ascii")
        self._bounds = bounds
        self._take_line = take_line
        self._unpacker = zlib.decompressobj()
        self._unpacked = 0
        self._lines = 0
        self._rest: list[bytes] = []
        self._rest_bytes = 0

    def take(self, piece: bytes) -> None:
        if not self.is_begun:
            self.noise += piece
            piece = self._pass_noise()
        try:
            self._unpack(piece)
        except zlib.error as error:
            raise malformed("it is damaged on the way") from error

    def _pass_noise(self) -> bytes:
        """The bytes after the first line; none as long as it has not come."""
        start = (b"\n" + self.noise).find(b"\n" + self._mark)
        end = self.noise.find(b"\n", start) if start >= 0 else -1
        if end < 0:
            if len(self.noise) > self._bounds.noise_bytes:
                raise malformed("it does not begin like one", text=bytes(self.noise[:200]))
            return b""
        rest = bytes(self.noise[end + 1 :])
        del self.noise[start:]
        self.is_begun = True
        return rest

    def _unpack(self, packed: bytes) -> None:
        while packed and not self._unpacker.eof:  # after it: a logout script's words
            piece = self._unpacker.decompress(packed, _PIECE)
            packed = self._unpacker.unconsumed_tail
            self._unpacked += len(piece)
            if self._unpacked > self._bounds.unpacked_bytes:
                raise malformed("it is larger than any scan")
            self._split(piece)

    def _split(self, piece: bytes) -> None:
        first, *others = piece.split(b"\n")
        self._hold(first)
        for part in others:
            line = b"".join(self._rest)
            self._rest, self._rest_bytes = [], 0
            self._hold(part)
            self._pass_on(line)

    def _hold(self, part: bytes) -> None:
        self._rest.append(part)
        self._rest_bytes += len(part)
        if self._rest_bytes > self._bounds.line_bytes:
            raise malformed("one of its lines is too long", text=self._rest[0][:200])

    def _pass_on(self, line: bytes) -> None:
        self._lines += 1
        if self._lines > self._bounds.records:
            raise malformed(f"it has more than {self._bounds.records} lines")
        if self.is_ended:
            raise malformed("there is a line after its end", text=line[:200])
        if line.startswith(self._end):
            self.is_ended = True
        elif line != b'["t"]':
            self._take_line(line)


def read_list(line: bytes, *shape: type) -> list[Any]:
    """A line of the program: a list of exactly these types after its first word."""
    try:
        value = read_json(line)
    except ValueError as error:
        raise malformed(str(error), text=line[:200]) from error
    if type(value) is not list or [type(part) for part in value] != [str, *shape]:
        raise malformed("a line has another shape", text=line[:200])
    return value
