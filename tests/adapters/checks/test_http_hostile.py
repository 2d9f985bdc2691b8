"""HTTP checks of servers that mean harm: each ends in time, in memory, and failed (T13)."""

import gzip
import resource
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.adapters.checks.conftest import RunCheck
from tests.adapters.checks.hostile_http import (
    Script,
    answer,
    endlessly,
    make_certificate,
    over_tls,
    say,
    serving,
)

OK = b"HTTP/1.1 200 OK\r\n"


BOMB = gzip.compress(b"\0" * 50_000_000)

HOSTILE: dict[str, Script] = {
    "silence": say(b"", every_seconds=10),
    "slow headers": endlessly(OK, b"X", every_seconds=0.2),
    "slow body": endlessly(OK + b"Content-Length: 1000000\r\n\r\n", b"x", every_seconds=0.2),
    "giant header": endlessly(OK + b"X-Big: ", b"x" * 65536),
    "endless headers": endlessly(OK, b"X-More: 1\r\n" * 1000),
    "endless continue": endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n", every_seconds=0.01),
    "content ends early": say(OK + b"Content-Length: 1000\r\n\r\nshort"),
    "two lengths": say(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    "negative length": say(OK + b"Content-Length: -1\r\n\r\nhello"),
    "broken chunks": say(OK + b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\nhello\r\n"),
    "no protocol": say(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "status of another world": say(b"HTTP/1.1 999 Owned\r\nContent-Length: 0\r\n\r\n"),
    "status with escapes": say(b"HTTP/1.1 500 \x1b[2J\r\nContent-Length: 0\r\n\r\n"),
    "hang up": say(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_server_fails_the_check_in_time(run_check: RunCheck, name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    with serving(HOSTILE[name]) as server:
        result = run_check({"http": f"http://blog.example:{server.port}/", "timeout": "1s"})
    assert not result.passed
    assert time.monotonic() - started < 6
    assert len(result.reason) < 600
    assert "\x1b" not in result.reason
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB


def test_endless_body_is_read_to_one_mebibyte(run_check: RunCheck) -> None:
    sent = threading.Event()
    body = endlessly(OK + b"\r\n", b"0123456789abcdef" * 4096)

    def script(client: socket.socket) -> None:
        try:
            body(client)
        finally:
            sent.set()

    with serving(script) as server:
        url = f"http://blog.example:{server.port}/"
        result = run_check({"http": url, "contains": ["never there"], "timeout": "10s"})
    assert not result.passed
    assert "1048576 bytes read" in result.reason
    assert result.seconds < 5
    assert sent.wait(5), "the connection must be closed once enough was read"


def test_gzip_bomb_is_bounded(run_check: RunCheck) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with serving(answer(BOMB, headers=b"Content-Encoding: gzip\r\n")) as server:
        url = f"http://blog.example:{server.port}/"
        result = run_check({"http": url, "contains": ["fern"]})
    assert not result.passed
    assert "1048576 bytes read" in result.reason
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024  # KiB


def test_compressed_body_is_still_searched(run_check: RunCheck) -> None:
    body = gzip.compress(b"a fern")
    with serving(answer(body, headers=b"Content-Encoding: gzip\r\n")) as server:
        url = f"http://blog.example:{server.port}/"
        assert run_check({"http": url, "contains": ["fern"]}).passed


@pytest.mark.parametrize("coding", [b"br", b"gzip", b"\x1b[2J"])
def test_unreadable_compression_fails(run_check: RunCheck, coding: bytes) -> None:
    headers = b"Content-Encoding: " + coding + b"\r\n"
    with serving(answer(b"not compressed", headers=headers)) as server:
        url = f"http://blog.example:{server.port}/"
        result = run_check({"http": url, "contains": ["not"]})
    assert not result.passed


@pytest.mark.parametrize("name", ["slow body", "slow headers", "silence"])
def test_hostile_server_behind_tls_ends_in_time(
    run_check: RunCheck, tmp_path: Path, name: str
) -> None:
    with serving(over_tls(HOSTILE[name], make_certificate(tmp_path, days=90))) as server:
        url = f"https://blog.example:{server.port}/"
        result = run_check({"http": url, "timeout": "1s", "verify_tls": False})
    assert not result.passed
    assert result.seconds < 6
