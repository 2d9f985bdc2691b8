"""Receivers of notices on loopback: HTTP, SMTP, one that hangs, one that refuses."""

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class WebReceiver(ThreadingHTTPServer):
    """Takes JSON and answers `status`."""

    def __init__(self, *, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _WebRequest)
        self.status = status
        self.paths: list[str] = []
        self.bodies: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _WebRequest(BaseHTTPRequestHandler):
    server: WebReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.paths.append(self.path)
        if self.headers["content-type"].startswith("application/json"):
            self.server.bodies.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"the body of the answer: error=299")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of its base
        pass


class MailReceiver(socketserver.ThreadingTCPServer):
    """As much of SMTP as a client needs to leave a message; refuses logins where told so."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, *, answer_to_mail: str = "250 fine") -> None:
        super().__init__(("127.0.0.1", 0), _MailSession)
        self.answer_to_mail = answer_to_mail
        self.messages: list[Message] = []

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _MailSession(socketserver.StreamRequestHandler):
    server: MailReceiver

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            word = line.split(b" ")[0].strip().upper()
            if word == b"DATA":
                self._say("354 go on")
                self.server.messages.append(message_from_bytes(self._read_message()))
                self._say("250 taken")
            elif word == b"MAIL":
                self._say(self.server.answer_to_mail)
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _read_message(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line)
        return b"".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def hanging() -> Iterator[str]:
    """An address whose connections are taken by the kernel and by nobody else."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def refusing() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"
