"""A TCP server that speaks a script instead of SSH, and keeps what the client sent."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

Script = Callable[[socket.socket], None]


class RawServer:
    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.connections = 0
        self.transcript = b""
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._open.append(client)
                threading.Thread(target=self._play, args=(client,), daemon=True).start()

    def _play(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._script(client)
            while received := client.recv(65536):
                self.transcript += received

    def close(self) -> None:
        # a close alone lets a waiting accept() take one more client
        with contextlib.suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._open:
            client.close()


@contextlib.contextmanager
def raw_server(script: Script) -> Iterator[RawServer]:
    server = RawServer(script)
    try:
        yield server
    finally:
        server.close()


def say_nothing(client: socket.socket) -> None:
    del client


def drip(client: socket.socket) -> None:
    """A banner of one byte per second, for longer than any deadline."""
    for letter in b"SSH-2.0-" + b"x" * 60:
        client.sendall(bytes([letter]))
        time.sleep(1)


def flood(client: socket.socket) -> None:
    """Ten megabytes before any version line."""
    for _ in range(160):
        client.sendall(b"welcome " * 8191 + b"\r\n")


def one_long_line(client: socket.socket) -> None:
    client.sendall(b"S" * (10 << 20))


def talk_garbage(client: socket.socket) -> None:
    client.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
    client.sendall(bytes(range(256)) * 256)


def talk_http(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    client.close()


def hang_up(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    client.close()


def silent_after_banner(client: socket.socket) -> None:
    client.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
