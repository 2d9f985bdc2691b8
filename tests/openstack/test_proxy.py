"""The proxy before the control plane fails as it is told, and passes on all else unchanged."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.openstack.control_plane import reserve_ports
from tests.openstack.faults import FOREVER, Fault, Request, Where
from tests.openstack.proxy import FaultyProxy, run_proxy

SERVERS = Where("GET", "/servers")
CREATE = Where("POST", "/servers")


class Backend(BaseHTTPRequestHandler):
    made: list[Any]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(200, {"servers": self.made, "self": f"http://{self.headers['Host']}/v2.1"})

    def do_POST(self) -> None:
        self.made.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer(202, {"server": {"id": "one"}})

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
        del format, arguments


@pytest.fixture
def made() -> list[Any]:
    return []


@pytest.fixture
def proxy(made: list[Any]) -> Iterator[FaultyProxy]:
    with reserve_ports() as base:

        class Handler(Backend):
            pass

        Handler.made = made
        server = ThreadingHTTPServer(("127.0.0.1", base + 3), Handler)  # where nova listens
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        with run_proxy(base) as running:
            yield running
        server.shutdown()
        server.server_close()


@pytest.fixture
def nova(proxy: FaultyProxy) -> Iterator[httpx.Client]:
    address = proxy.point_here(f"http://127.0.0.1:{proxy.base_port + 3}".encode()).decode()
    with httpx.Client(base_url=address, timeout=0.5) as client:
        yield client


def create(nova: httpx.Client) -> httpx.Response:
    return nova.post("/servers", json={"server": {"name": "a", "adminPass": "canary"}})


def test_passes_on_and_names_itself(proxy: FaultyProxy, nova: httpx.Client) -> None:
    assert create(nova).json() == {"server": {"id": "one"}}
    seen = nova.get("/servers").json()
    assert len(seen["servers"]) == 1
    assert seen["self"] == f"{nova.base_url}/v2.1".replace("//v2.1", "/v2.1")
    expected = [Request("compute", "POST", "/servers"), Request("compute", "GET", "/servers")]
    assert [request for request, _outcome in proxy.requests] == expected
    assert "canary" not in repr(proxy.requests)


def test_an_action_is_told_by_its_name(proxy: FaultyProxy, nova: httpx.Client) -> None:
    proxy.arm(Fault(Where(action="os-stop"), "status", status=409))
    assert nova.post("/servers/1/action", json={"lock": None}).status_code == 202
    assert nova.post("/servers/1/action", json={"os-stop": None}).status_code == 409
    assert [request.action for request, _outcome in proxy.requests] == ["lock", "os-stop"]


@pytest.mark.parametrize(
    ("answer", "error"), [("hold", httpx.ReadTimeout), ("reset", httpx.ReadError)]
)
@pytest.mark.parametrize("done", [True, False])
def test_a_lost_reply(
    answer: str,
    error: type[Exception],
    *,
    done: bool,
    proxy: FaultyProxy,
    nova: httpx.Client,
    made: list[Any],
) -> None:
    proxy.arm(Fault(CREATE, answer, done=done))
    with pytest.raises(error):
        create(nova)
    assert len(made) == int(done)
    assert create(nova).status_code == 202


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 502, 503, 504])
def test_an_error_for_as_often_as_it_is_told(
    status: int, proxy: FaultyProxy, nova: httpx.Client, made: list[Any]
) -> None:
    proxy.arm(Fault(CREATE, "status", status=status, times=2, skip=1, retry_after="7"))
    answers = [create(nova) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, status, status, 202]
    assert answers[1].headers["Retry-After"] == "7"
    assert len(made) == 2


def test_lists_show_the_past(proxy: FaultyProxy, nova: httpx.Client) -> None:
    nova.get("/servers")
    proxy.arm(Fault(CREATE, stale_seconds=60))
    assert create(nova).status_code == 202
    assert nova.get("/servers").json()["servers"] == []
    proxy.disarm_all()
    assert len(nova.get("/servers").json()["servers"]) == 1


@pytest.mark.parametrize("answer", ["truncated", "html", "huge"])
def test_an_answer_that_cannot_be_read(answer: str, proxy: FaultyProxy, nova: httpx.Client) -> None:
    proxy.arm(Fault(SERVERS, answer))
    with nova.stream("GET", "/servers") as reply:
        head = next(reply.iter_bytes(2000))
    with pytest.raises(json.JSONDecodeError):
        json.loads(head)


def test_a_service_that_is_down(proxy: FaultyProxy) -> None:
    address = proxy.point_here(f"http://127.0.0.1:{proxy.base_port + 5}".encode()).decode()
    assert httpx.get(f"{address}/v3/volumes").status_code == 503


def test_everything_cut_off_and_back(proxy: FaultyProxy, nova: httpx.Client) -> None:
    proxy.arm(Fault(Where(), "reset", times=FOREVER))
    for _ in range(3):
        with pytest.raises(httpx.TransportError):
            nova.get("/servers")
    proxy.disarm_all()
    assert nova.get("/servers").status_code == 200


def test_what_a_person_does_first(proxy: FaultyProxy, nova: httpx.Client, made: list[Any]) -> None:
    proxy.arm(Fault(SERVERS, before=lambda: made.append("by hand")))
    assert nova.get("/servers").json()["servers"] == ["by hand"]
