"""A proxy before every service of a control plane: it records each request, and fails on demand."""

import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from tests.openstack.faults import (
    HOLD_SECONDS,
    Answer,
    Fault,
    Request,
    StaleReads,
    make_wrong_answer,
)

SERVICES: Final = {"identity": 0, "image": 2, "compute": 3, "network": 4, "volume": 5}
_LONGEST_ANSWER_SECONDS: Final = 120.0
_OF_ONE_CONNECTION: Final = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
)


class FaultyProxy:
    """Every answer that names a service's port names the proxy's instead."""

    def __init__(self, base_port: int) -> None:
        self.requests: list[tuple[Request, str]] = []  # and what became of it
        self.released = threading.Event()
        self.stale = StaleReads()
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._servers: dict[int, ThreadingHTTPServer] = {}
        for service, offset in SERVICES.items():
            self._serve(service, base_port + offset)
        self._name = "127.0.0.1"
        self._open: set[socket.socket] = set()
        self.base_port = base_port

    def _serve(self, service: str, real_port: int) -> None:
        proxy = self

        class Handler(_Handler):
            pass

        Handler.proxy, Handler.service, Handler.real_port = proxy, service, real_port
        server = _Server(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self._servers[real_port] = server
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()

    def arm(self, *faults: Fault) -> None:
        with self._lock:
            self._faults.extend(faults)

    def disarm_all(self) -> None:
        """All is well again, and what is held is let go."""
        with self._lock:
            self._faults.clear()
            self.stale.forget()
        self.released.set()
        self.released = threading.Event()

    def take(self, request: Request) -> Fault | None:
        with self._lock:
            return next((fault for fault in self._faults if fault.take(request)), None)

    def record(self, request: Request, outcome: str) -> None:
        with self._lock:
            self.requests.append((request, outcome))

    def count(self, holds: Callable[[Request], bool]) -> int:
        with self._lock:
            return sum(holds(request) for request, _outcome in self.requests)

    def point_here(self, text: bytes) -> bytes:
        for real, server in self._servers.items():
            ours = f"{self._name}:{server.server_address[1]}"
            text = text.replace(f"127.0.0.1:{real}".encode(), ours.encode())
        return text

    def show_name(self, name: str) -> None:
        """The host by which the catalogue and the clouds file name it from now on."""
        self._name = name

    def note_connection(self, connection: socket.socket, *, is_open: bool) -> None:
        with self._lock:
            (self._open.add if is_open else self._open.discard)(connection)

    def drop_connections(self) -> None:
        """Whoever wants more has to connect, and so to look up its name, again."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)

    def write_clouds_file(self, clouds_file: Path, target: Path) -> Path:
        target.write_bytes(self.point_here(clouds_file.read_bytes()))
        target.chmod(0o600)
        return target

    def close(self) -> None:
        self.disarm_all()
        for server in self._servers.values():
            server.shutdown()
            server.server_close()


@contextmanager
def run_proxy(base_port: int) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(base_port)
    try:
        yield proxy
    finally:
        proxy.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has hung up is what a fault leads to."""


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultyProxy
    service: str
    real_port: int
    protocol_version = "HTTP/1.1"
    timeout = 30

    def setup(self) -> None:
        super().setup()
        self.proxy.note_connection(self.connection, is_open=True)

    def finish(self) -> None:
        self.proxy.note_connection(self.connection, is_open=False)
        super().finish()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        """Requests are in `proxy.requests`."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        request = Request(self.service, self.command, path, _action_of(path, body))
        fault = self.proxy.take(request)
        if fault is None:
            self._pass_on(request, body)
        else:
            self._fail(fault, request, body)

    def _pass_on(self, request: Request, body: bytes) -> None:
        is_read = self.command == "GET" and self.service != "identity"
        key = f"{self.real_port} {self.path}"
        past = self.proxy.stale.find(key) if is_read else None
        answer = past or self._ask(body)
        if is_read and past is None:
            self.proxy.stale.keep(key, answer)
        self.proxy.record(request, f"{answer.status}{' of the past' if past else ''}")
        self._send(answer)

    def _fail(self, fault: Fault, request: Request, body: bytes) -> None:
        if fault.before:
            fault.before()
        is_done = fault.done or fault.answer == "real"
        real = self._ask(body) if is_done else None
        if fault.stale_seconds:
            self.proxy.stale.show_the_past(fault.stale_seconds)
        if fault.after:
            fault.after()
        what = f"{fault.answer} {fault.status}" if fault.answer == "status" else fault.answer
        self.proxy.record(request, f"{what}, {f'done: {real.status}' if real else 'not done'}")
        if fault.answer == "real" and real:
            self._send(real)
        elif fault.answer in {"hold", "reset"}:
            if fault.answer == "hold":
                self.proxy.released.wait(HOLD_SECONDS)
            self._reset()
        else:
            self._send(make_wrong_answer(fault, real))

    def _ask(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.real_port, timeout=_LONGEST_ANSWER_SECONDS
        )
        headers = {
            name: text
            for name, text in self.headers.items()
            if name.lower() not in {"host", "connection", "accept-encoding", "content-length"}
        }
        try:
            connection.request(self.command, self.path, body=body or None, headers=headers)
            response = connection.getresponse()
            content = response.read()
        except OSError:  # the service is down
            return Answer(503, (("Content-Type", "text/html"),), b"<h1>no server is available</h1>")
        finally:
            connection.close()
        kept = tuple(
            (name, self.proxy.point_here(text.encode()).decode())
            for name, text in response.getheaders()
            if name.lower() not in _OF_ONE_CONNECTION
        )
        if "json" in response.getheader("Content-Type", ""):
            content = self.proxy.point_here(content)
        return Answer(response.status, kept, content)

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, text in answer.headers:
            self.send_header(name, text)
        if answer.status not in {204, 304}:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _reset(self) -> None:
        """RST instead of FIN."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _action_of(path: str, body: bytes) -> str:
    """Of labels the role that they give."""
    if not path.endswith(("/action", "/metadata")):
        return ""
    try:
        told = json.loads(body)
        labels = told.get("metadata")
        return str(next(iter(told), "") if labels is None else labels.get("releve.role", ""))
    except (ValueError, TypeError, AttributeError):
        return ""
