"""A cloud on a TCP socket that answers as it is told, to try what no true OpenStack would do."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Reply = tuple[int, dict[str, str], bytes]
Answer = Callable[["Asked"], Reply | None]  # None: close the connection without a word

PASSWORD = "canary-password-4711"  # noqa: S105 - looked for in all that is written
TOKEN = "canary-token-0815"  # noqa: S105 - the same
INSTANCE = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
VOLUME = "33333333-3333-4333-8333-333333333333"
PORT = "44444444-4444-4444-8444-444444444444"
IMAGE = "55555555-5555-4555-8555-555555555555"
NETWORK = "66666666-6666-4666-8666-666666666666"
FLOATING = "77777777-7777-4777-8777-777777777777"
PROJECT = "88888888888848888888888888888888"
EXTENSIONS = (
    "router",
    "security-group",
    "security-groups-remote-address-group",
    "revision-if-match",
    "standard-attr-tag",
)
SERVICES = {
    "compute": "/compute/v2.1",
    "block-storage": "/volume/v3",
    "image": "/image",
    "network": "/network",
}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass
class CloudDouble:
    """Signs everybody in and lists its versions itself; everything else is `answer`'s."""

    answer: Answer
    asked: list[Asked] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    signed_in: int = 0
    sign_in_status: int = 201
    extensions: tuple[str, ...] = EXTENSIONS
    compute_version: str = "2.96"

    def __enter__(self) -> "CloudDouble":
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(
                    self.command, self.path, dict(self.headers.items()), self.rfile.read(length)
                )
                reply = double.reply_to(asked)
                self.close_connection = True
                if reply is None:
                    return
                self.send_response(reply[0])
                headers = {"Content-Length": str(len(reply[2])), "Connection": "close"} | reply[1]
                for name, text in headers.items():
                    self.send_header(name, text)
                self.end_headers()
                with suppress(BrokenPipeError, ConnectionResetError):  # heard enough
                    self.wfile.write(reply[2])

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - http.server's names

            def log_message(self, *_args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def write_settings(self, path: Path, **more: Any) -> None:
        """A clouds.yaml, which may be written as JSON."""
        auth = {
            "auth_url": f"{self.url}/identity/v3",
            "username": "somebody",
            "password": PASSWORD,
            "project_name": "demo",
            "user_domain_id": "default",
            "project_domain_id": "default",
        }
        cloud = {"auth": auth, "region_name": "R1"} | more
        path.write_text(json.dumps({"clouds": {"double": cloud}}))

    def reply_to(self, asked: Asked) -> Reply | None:
        path = asked.path.partition("?")[0]
        if path.endswith("/auth/tokens"):
            self.signed_in += 1
            return self._sign_in()
        if path.rstrip("/") == "/identity/v3":
            link = {"rel": "self", "href": f"{self.url}/identity/v3/"}
            return ok({"version": {"id": "v3.14", "status": "stable", "links": [link]}})
        if path.rstrip("/") in SERVICES.values():
            return self._list_versions(path.rstrip("/"))
        if path == "/network/v2.0/extensions":
            return ok({"extensions": [{"alias": alias} for alias in self.extensions]})
        self.asked.append(asked)
        return self.answer(asked)

    def count(self, *methods: str) -> int:
        return sum(asked.method in methods for asked in self.asked)

    def _sign_in(self) -> Reply:
        if self.sign_in_status != 201:
            return failure(self.sign_in_status, f"no such user, and not {PASSWORD}")
        catalog = [
            {
                "type": kind,
                "name": kind,
                "id": kind,
                "endpoints": [
                    {
                        "interface": "public",
                        "region": "R1",
                        "region_id": "R1",
                        "url": f"{self.url}{path}",
                        "id": kind,
                    }
                ],
            }
            for kind, path in SERVICES.items()
        ]
        token = {
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "methods": ["password"],
            "user": {"id": "u", "name": "somebody", "domain": {"id": "default", "name": "D"}},
            "project": {"id": PROJECT, "name": "demo", "domain": {"id": "default", "name": "D"}},
            "roles": [{"id": "m", "name": "member"}],
            "catalog": catalog,
        }
        return 201, {"X-Subject-Token": TOKEN}, json.dumps({"token": token}).encode()

    def _list_versions(self, path: str) -> Reply:
        versions = {
            "/compute/v2.1": ("v2.1", self.compute_version, "/compute/v2.1/"),
            "/volume/v3": ("v3.0", "3.70", "/volume/v3/"),
            "/image": ("v2.16", "", "/image/v2/"),
            "/network": ("v2.0", "", "/network/v2.0/"),
        }
        identity, newest, href = versions[path]
        version = {
            "id": identity,
            "status": "CURRENT",
            "version": newest,
            "min_version": identity.removeprefix("v") if newest else "",
            "links": [{"rel": "self", "href": f"{self.url}{href}"}],
        }
        return ok({"version": version} if path == "/compute/v2.1" else {"versions": [version]})


def ok(content: Any, status: int = 200, **headers: str) -> Reply:
    return status, headers, json.dumps(content).encode()


def failure(status: int, sentence: str) -> Reply:
    """As Nova wraps it; the others do it in other ways."""
    return (
        status,
        {},
        json.dumps({"somethingFault": {"code": status, "message": sentence}}).encode(),
    )


def server(**changes: Any) -> dict[str, Any]:
    """As Nova describes a stopped one."""
    content: dict[str, Any] = {
        "id": INSTANCE,
        "name": "web",
        "status": "SHUTOFF",
        "OS-EXT-STS:task_state": None,
        "locked": False,
        "created": "2026-01-02T00:00:00Z",
        "image": {"id": IMAGE},
        "flavor": {"original_name": "small"},
        "metadata": {},
        "addresses": {"net": [{"addr": "10.0.0.5", "version": 4, "OS-EXT-IPS:type": "fixed"}]},
        "os-extended-volumes:volumes_attached": [],
    }
    return content | changes


def volume(**changes: Any) -> dict[str, Any]:
    """As Cinder describes a free one."""
    content: dict[str, Any] = {
        "id": VOLUME,
        "name": "data",
        "size": 2,
        "status": "available",
        "attachments": [],
        "metadata": {},
        "availability_zone": "nova",
    }
    return content | changes


def port(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        "id": PORT,
        "name": "web",
        "device_id": INSTANCE,
        "device_owner": "compute:nova",
        "admin_state_up": True,
        "network_id": NETWORK,
        "fixed_ips": [{"ip_address": "10.0.0.5", "subnet_id": "s"}],
        "description": "",
        "created_at": "2026-01-01T00:00:00Z",
        "tags": [],
    }
    return content | changes


def everything(asked: Asked, **changes: Any) -> Reply | None:
    """Reads of one stopped instance, one free volume, one port, one floating IP."""
    path = asked.path.partition("?")[0]
    one, disk, plug = server(), volume(), port()
    floating = {
        "id": FLOATING,
        "floating_ip_address": "198.51.100.7",
        "port_id": None,
        "revision_number": 4,
    }
    pages: dict[str, Any] = {
        f"/compute/v2.1/servers/{INSTANCE}": {"server": one},
        "/compute/v2.1/servers/detail": {"servers": [one]},
        f"/volume/v3/volumes/{VOLUME}": {"volume": disk},
        "/volume/v3/volumes/detail": {"volumes": [disk]},
        "/network/v2.0/ports": {"ports": [plug]},
        f"/network/v2.0/ports/{PORT}": {"port": plug},
        "/network/v2.0/networks": {"networks": [{"id": NETWORK, "name": "net"}]},
        "/network/v2.0/floatingips": {"floatingips": [floating]},
        "/image/v2/images": {"images": []},
        f"/image/v2/images/{IMAGE}": {"id": IMAGE, "name": "base", "status": "active"},
        "/compute/v2.1/flavors/detail": {
            "flavors": [{"id": "1", "name": "small", "vcpus": 1, "ram": 512, "disk": 5}]
        },
    }
    pages |= changes
    return ok(pages[path]) if path in pages else failure(404, f"nothing at {path}")
