"""Subtrees are walked by several processes side by side, and said in the order of one walk.

Whoever is free takes the next subtree; what it finds waits in its pipe until its turn has come.
"""

import contextlib
import fcntl
import json
import os
import select
import socket
import struct

from releve.scan.collector.output import encode

MOST_MEMBERS = 8
_MOST_WAITING = 96  # subtrees given out: enough small ones beside a large one for everybody
_CLAIM = struct.Struct(">II")  # number of the subtree, number of the member
_LENGTH = struct.Struct(">I")  # of a piece; after an empty one, the count of paths
_COUNT = struct.Struct(">Q")
_PIECE = 64 << 10
_SET_PIPE_SIZE = 1031
_PIPE = 1 << 20


class Crew:
    """`employ(desk)` gives what walks for a member: (path, unread) to the count of paths."""

    def __init__(self, size, employ):
        self._orders, orders = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._claims, claims = os.pipe()
        self._readers: list[int] = []
        for member in range(size):
            reader, writer = os.pipe()
            if os.fork() == 0:
                self._orders.close()
                for descriptor in (self._claims, reader, *self._readers):
                    os.close(descriptor)
                serve(orders, Desk(member, claims, writer), employ)
            os.close(writer)
            self._readers.append(reader)
        orders.close()
        os.close(claims)
        self._taken = {}
        self._given = 0
        self._said = 0

    def give(self, path, unread):
        """False where it cannot be taken before the oldest subtree has been said."""
        if self._given - self._said >= _MOST_WAITING:
            return False
        order = b"%d\0%s\0%s" % (self._given + 1, json.dumps(unread).encode("ascii"), path)
        try:
            self._orders.send(order, socket.MSG_DONTWAIT)
        except BlockingIOError:
            if self._given == self._said:
                raise  # nothing will make room
            return False
        self._given += 1
        return True

    def say_next(self, output):
        """All that was found in the oldest subtree not yet said; returns the count of its paths."""
        self._said += 1
        reader = self._readers[self._find_member(self._said, output)]
        while True:
            (length,) = _LENGTH.unpack(self._read(reader, _LENGTH.size, output))
            if not length:
                return _COUNT.unpack(self._read(reader, _COUNT.size, output))[0]
            output.say_line(self._read(reader, length, output))

    def _find_member(self, number, output):
        while number not in self._taken:
            taken, member = _CLAIM.unpack(self._read(self._claims, _CLAIM.size, output))
            self._taken[taken] = member
        return self._taken.pop(number)

    def _read(self, descriptor, size, output):
        """A member that died leaves a scan that never came to its end."""
        pieces = []
        poll = select.poll()  # select() knows no descriptor over 1023
        poll.register(descriptor, select.POLLIN)
        while size:
            while not poll.poll(1000):
                output.stay_awake()
            piece = os.read(descriptor, size)
            if not piece:
                raise EOFError("a part of the walk ended early")
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


class Desk:
    """Where a member puts what it found."""

    def __init__(self, member, claims, writer):
        self._member = member
        self._claims = claims
        self._writer = writer
        self._lines = []
        self._size = 0
        with contextlib.suppress(OSError):  # a small pipe only makes it wait earlier
            fcntl.fcntl(writer, _SET_PIPE_SIZE, _PIPE)

    def claim(self, number):
        os.write(self._claims, _CLAIM.pack(number, self._member))

    def say(self, value):
        line = encode(value)
        self._lines.append(line)
        self._size += len(line)
        if self._size >= _PIECE:
            self._hand_over()

    def stay_awake(self):
        """The first process does, while it waits."""

    def finish(self, count):
        if self._lines:
            self._hand_over()
        self._write(_LENGTH.pack(0) + _COUNT.pack(count))

    def _hand_over(self):
        self._write(_LENGTH.pack(self._size) + b"".join(self._lines))
        self._lines = []
        self._size = 0

    def _write(self, piece):
        view = memoryview(piece)
        while view:
            view = view[os.write(self._writer, view) :]


def serve(orders, desk, employ):
    """A member: it ends here, whatever happens, at the latest when nobody gives orders any more."""
    try:
        walk_subtree = employ(desk)
        while True:
            order = orders.recv(_PIECE)
            if not order:
                os._exit(0)
            number, unread, path = order.split(b"\0", 2)
            desk.claim(int(number))
            desk.finish(walk_subtree(path, json.loads(unread.decode("ascii"))))
    except BaseException:  # noqa: BLE001 - the first process tells that it is missing
        os._exit(1)
