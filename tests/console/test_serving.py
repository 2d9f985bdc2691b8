"""The console's server: what it shows, how it is bounded, how it begins and ends."""

import asyncio
import signal
import socket
import time
from dataclasses import replace

import httpx
import pytest

from releve.console import serving
from releve.errors import ReleveError
from tests.console.doors import Watched, connect, listening


def get(place: str, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"http://{place}{path}", headers=headers, trust_env=False, timeout=30)


def test_health_is_that_the_watch_goes_round(place: str, watched: Watched) -> None:
    assert get(place, "/healthz").json() == {"alive": True, "since_turn_seconds": 0.2}
    watched.snapshot = replace(watched.snapshot, since_turn_seconds=31)
    answer = get(place, "/healthz")
    assert (answer.status_code, answer.json()["alive"]) == (503, False)


@pytest.mark.parametrize("path", ["/", "/docs", "/hooks/alert", "/metrics/", "/../../etc/passwd"])
def test_nothing_else_is_there(place: str, path: str) -> None:
    answer = get(place, path)
    assert answer.status_code in {307, 404, 405}
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/nowhere"])
def test_every_answer_carries_strict_headers(place: str, path: str) -> None:
    headers = get(place, path).headers
    assert {name: headers[name] for name, _ in serving.HEADERS} == dict(serving.HEADERS)


@pytest.mark.parametrize("host", ["rebound.example", "localhost.evil.example", "[::2]", "a b"])
def test_a_page_that_rebinds_a_name_to_loopback_sees_nothing(place: str, host: str) -> None:
    assert get(place, "/metrics", Host=host).status_code == 400


@pytest.mark.parametrize("host", ["localhost:9417", "127.0.0.1", "[::1]:9417"])
def test_loopback_is_known_by_its_names(place: str, host: str) -> None:
    assert get(place, "/healthz", Host=host).status_code == 200


def test_from_elsewhere_it_may_have_any_name(watched: Watched) -> None:
    with listening(watched, listen="0.0.0.0:0") as place:
        assert get(place, "/healthz", Host="releve.example.org").status_code == 200


def test_a_connection_that_is_slow_or_silent_is_cut(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 1.0)
    silent, slow = connect(place), connect(place)
    slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
    began = time.monotonic()
    with pytest.raises(ConnectionError):
        drip(slow, b"x", seconds=5)
    assert silent.recv(1) == b""
    assert time.monotonic() - began < 3


def drip(connection: socket.socket, piece: bytes, *, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        connection.sendall(piece)
        time.sleep(0.1)


def test_one_that_asks_and_does_not_read_is_cut(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 1.0)
    with connect(place) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        deaf.settimeout(5)
        with pytest.raises(ConnectionError):
            drip(deaf, request * 2000, seconds=5)
    assert get(place, "/healthz").status_code == 200


def test_connections_are_bounded_and_come_back(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_SECONDS", 2.0)
    held = [connect(place) for _ in range(serving.MOST_CONNECTIONS + 20)]
    time.sleep(0.3)
    refused = 0
    for connection in held:
        connection.settimeout(0)
        try:
            refused += connection.recv(1) == b""
        except BlockingIOError:
            pass
        except ConnectionError:
            refused += 1
    assert refused == 20
    time.sleep(2)
    assert get(place, "/healthz").status_code == 200
    for connection in held:
        connection.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nA: b\x00c\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n : x\r\n\r\n",
        b"POST /hooks/alert HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /hooks/alert HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
    ],
    ids=lambda sent: str(sent[:30]),
)
def test_what_is_no_request_is_answered_and_cut(place: str, sent: bytes) -> None:
    with connect(place) as connection:
        try:
            connection.sendall(sent)
            answer = connection.recv(100)
        except ConnectionError:
            answer = b"HTTP/1.1 400"  # cut while it was still being sent
        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
    assert get(place, "/healthz").status_code == 200


def test_a_place_that_is_taken_is_a_clear_error(place: str, watched: Watched) -> None:
    async def serve() -> None:
        async with serving.serve_console(watched.doors(), listen=place):
            pytest.fail("two listen at one place")

    with pytest.raises(ReleveError, match="cannot listen on") as raised:
        asyncio.run(serve())
    assert "in use" in raised.value.why
    assert raised.value.remedy


def test_signals_stay_with_the_caller(watched: Watched) -> None:
    async def serve() -> tuple[object, object]:
        async with serving.serve_console(watched.doors(), listen="127.0.0.1:0") as port:
            answer = await asyncio.to_thread(get, f"127.0.0.1:{port}", "/healthz")
            assert answer.status_code == 200
            return signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    before = signal.getsignal(signal.SIGTERM)
    during, _ = asyncio.run(serve())
    assert during is before
