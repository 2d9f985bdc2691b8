"""A daemon on a unix socket that answers as it is told, to try what no true LXD would do."""

import json
import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

Reply = tuple[int, dict[str, str], bytes]
Answer = Callable[["Asked"], Reply | None]  # None: close the connection without a word

ROOT_REPLY = {"environment": {}, "api_extensions": ["projects", "instances"], "auth": "trusted"}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class DaemonDouble:
    """Answers the connection itself; everything else is `answer`'s."""

    socket: Path
    answer: Answer
    asked: list[Asked] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "DaemonDouble":
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(
                    self.command, self.path, dict(self.headers.items()), self.rfile.read(length)
                )
                double.asked.append(asked)
                reply = double.reply_to(asked)
                self.close_connection = True
                if reply is None:
                    return
                self.send_response(reply[0])
                # said as well as done, or a client on a busy machine sends its next request here
                headers = {"Content-Length": str(len(reply[2])), "Connection": "close"} | reply[1]
                for name, text in headers.items():
                    self.send_header(name, text)
                self.end_headers()
                with suppress(BrokenPipeError):  # a caller may have heard enough
                    self.wfile.write(reply[2])

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - http.server's names

            def log_message(self, *_args: Any) -> None: ...

            def address_string(self) -> str:
                return "local"

        self._server = socketserver.ThreadingUnixStreamServer(str(self.socket), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def reply_to(self, asked: Asked) -> Reply | None:
        if asked.path.partition("?")[0] == "/1.0":
            return sync(ROOT_REPLY)
        return self.answer(asked)

    def count(self, method: str) -> int:
        return sum(asked.method == method for asked in self.asked)


def sync(metadata: Any, **headers: str) -> Reply:
    body = {"type": "sync", "status_code": 200, "metadata": metadata}
    return 200, headers, json.dumps(body).encode()


def accepted(operation: str = "op-1") -> Reply:
    body = {"type": "async", "operation": f"/1.0/operations/{operation}"}
    return 202, {}, json.dumps(body | {"metadata": {"id": operation}}).encode()


def failure(status: int, sentence: str) -> Reply:
    body = {"type": "error", "error_code": status, "error": sentence}
    return status, {}, json.dumps(body).encode()


def instance(name: str, **changes: Any) -> dict[str, Any]:
    """As LXD describes a stopped one."""
    content = {
        "name": name,
        "status": "Stopped",
        "architecture": "x86_64",
        "config": {"volatile.base_image": "f" * 64},
        "devices": {},
        "expanded_devices": {},
        "expanded_config": {},
        "profiles": ["default"],
        "ephemeral": False,
        "stateful": False,
        "description": "",
    }
    return content | changes
