"""What the program says: one JSON value a line, packed, never silent for long."""

import json
import os
import time
import zlib

_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)
_PIECE = 64 << 10
_SILENT_SECONDS = 5.0


class Output:
    """The first line is plain, so that whatever a login shell prints before it can be skipped."""

    def __init__(self, descriptor, nonce):
        self._descriptor = descriptor
        self._nonce = nonce
        self._packer = zlib.compressobj(1)
        self._lines = []
        self._size = 0
        self._spoken = time.monotonic()

    def begin(self, about):
        self._write(encode(["releve-scan", 1, self._nonce, about]))

    def say(self, value):
        self.say_line(encode(value))

    def say_line(self, line):
        self._lines.append(line)
        self._size += len(line)
        if self._size >= _PIECE:
            self._pack()
            self.stay_awake()

    def stay_awake(self):
        """Called between two slow acts: the other end gives up on a silent program."""
        if time.monotonic() - self._spoken > _SILENT_SECONDS:
            self._lines.append(encode(["t"]))
            self._pack()
            self._write(self._packer.flush(zlib.Z_SYNC_FLUSH))

    def end(self, about):
        self.say(["end", self._nonce, about])
        self._pack()
        self._write(self._packer.flush())

    def _pack(self):
        packed = self._packer.compress(b"".join(self._lines))
        self._lines = []
        self._size = 0
        if packed:
            self._write(packed)

    def _write(self, piece):
        self._spoken = time.monotonic()
        view = memoryview(piece)
        while view:
            view = view[os.write(self._descriptor, view) :]


def encode(value):
    """Half a surrogate pair stands for a byte that is no UTF-8, and survives as an escape."""
    return _ENCODER.encode(value).encode("ascii") + b"\n"
