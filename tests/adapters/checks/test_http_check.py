"""HTTP checks against servers that answer, and against servers that mean harm (T13)."""

import gzip
import resource
import socket
import ssl
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
    read_request,
    say,
    serving,
)

OK = b"HTTP/1.1 200 OK\r\n"


def test_status_and_texts_as_expected_pass(run_check: RunCheck) -> None:
    with serving(answer("Fougères et racines".encode())) as server:
        url = f"http://blog.example:{server.port}/posts/1?full"
        result = run_check({"http": url, "contains": ["Fougères", "racines"]})
    assert result.passed, result.reason
    assert (result.name, result.kind) == ("http /posts/1?full", "http")
    assert result.reason == "status 200 as expected, 2 of 2 texts found"


def test_host_of_the_url_is_only_a_header(run_check: RunCheck) -> None:
    seen: list[bytes] = []

    def script(client: socket.socket) -> None:
        seen.append(read_request(client))
        client.sendall(OK + b"Content-Length: 0\r\n\r\n")

    with serving(script) as server:
        result = run_check({"http": f"http://169.254.169.254:{server.port}/latest/meta-data"})
    assert result.passed, result.reason
    assert f"Host: 169.254.169.254:{server.port}\r\n".encode() in seen[0]


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[::ffff:169.254.169.254]", "0x7f.1", "2130706433", "localhost."]
)
def test_no_way_to_write_a_host_leads_elsewhere(run_check: RunCheck, host: str) -> None:
    with serving(answer()) as server:
        assert run_check({"http": f"http://{host}:{server.port}/", "timeout": "2s"}).passed


def test_ipv6_address_is_connected_to(run_check: RunCheck) -> None:
    with serving(answer(), address="::1") as server:
        assert run_check({"http": f"http://blog.example:{server.port}/"}, address="::1").passed


def test_proxy_of_the_environment_is_not_used(
    run_check: RunCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with serving(answer()) as server:
        assert run_check({"http": f"http://blog.example:{server.port}/"}).passed


def test_wrong_status_tells_both(run_check: RunCheck) -> None:
    with serving(answer(status="502 Bad Gateway")) as server:
        result = run_check({"http": f"http://blog.example:{server.port}/"})
    assert not result.passed
    assert result.reason.startswith("expected status 200, but found 502 (Bad Gateway)")


def test_missing_text_shows_bounded_escaped_beginning(run_check: RunCheck) -> None:
    with serving(answer(b"\x1b]0;owned\x07\x1b[2J\r\xe2\x80\xae" + b"x" * 5000)) as server:
        result = run_check({"http": f"http://blog.example:{server.port}/", "contains": ["fern"]})
    assert not result.passed
    assert 'expected "fern" in the body' in result.reason
    assert "\\x1b]0;owned\\x07\\x1b[2J\\x0d\\u202e" in result.reason
    assert not any(ord(character) < 32 for character in result.reason)
    assert len(result.reason) < 500


def test_text_in_the_servers_charset_is_found(run_check: RunCheck) -> None:
    headers = b"Content-Type: text/html; charset=iso-8859-1\r\n"
    with serving(answer("Fougères".encode("latin-1"), headers=headers)) as server:
        url = f"http://blog.example:{server.port}/"
        assert run_check({"http": url, "contains": ["Fougères"]}).passed


def test_nobody_listening_says_so(run_check: RunCheck) -> None:
    with serving(answer()) as server:
        port = server.port
    result = run_check({"http": f"http://blog.example:{port}/"})
    assert not result.passed
    assert "there was no readable answer" in result.reason


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://blog.example/",
        "http://admin:secret@blog.example/",
        "http://",
        "http://[::1/",
        "//blog.example/",
    ],
)
def test_what_is_no_plain_url_is_refused(run_check: RunCheck, url: str) -> None:
    result = run_check({"http": url})
    assert not result.passed
    assert "expected a URL to ask for" in result.reason


def test_name_instead_of_an_address_is_refused(run_check: RunCheck) -> None:
    result = run_check({"http": "http://blog.example/"}, address="localhost")
    assert not result.passed
    assert "expected an IP address" in result.reason


# redirects


def redirect_to(location: str) -> Script:
    def script(client: socket.socket) -> None:
        request = read_request(client)
        if b"GET /there " in request:
            client.sendall(OK + b"Content-Length: 5\r\n\r\nthere")
        else:
            head = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
            client.sendall(head.encode())

    return script


def test_redirect_on_the_same_host_is_followed(run_check: RunCheck) -> None:
    with serving(redirect_to("/there")) as server:
        url = f"http://blog.example:{server.port}/here"
        assert run_check({"http": url, "contains": ["there"]}).passed


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/",
        "http://blog.example:1/",
        "http://other.example/",
        "https://blog.example:8443/",
        "http://admin:secret@blog.example/",
        "file:///etc/passwd",
        "http://[broken/",
    ],
)
def test_redirect_elsewhere_is_refused(run_check: RunCheck, location: str) -> None:
    with serving(redirect_to(location)) as server:
        result = run_check({"http": f"http://blog.example:{server.port}/here", "timeout": "3s"})
    assert not result.passed
    assert "it redirects to" in result.reason or "broken" in location


def test_redirect_to_another_port_is_not_connected_to(run_check: RunCheck) -> None:
    came = threading.Event()
    with (
        serving(lambda _: came.set()) as other,
        serving(redirect_to(f"http://blog.example:{other.port}/")) as server,
    ):
        result = run_check({"http": f"http://blog.example:{server.port}/here"})
    assert not result.passed
    assert not came.wait(0.2)


def test_redirect_that_is_expected_is_not_followed(run_check: RunCheck) -> None:
    with serving(redirect_to("http://elsewhere.example/")) as server:
        assert run_check({"http": f"http://blog.example:{server.port}/", "status": 302}).passed


def test_redirects_without_end_are_counted(run_check: RunCheck) -> None:
    with serving(redirect_to("/again")) as server:
        result = run_check({"http": f"http://blog.example:{server.port}/here"})
    assert not result.passed
    assert "more than 5 redirects" in result.reason


# servers that mean harm: each ends in time, in memory, and as a failed check


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
    assert time.monotonic() - started < 2.5
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


# TLS


def test_self_signed_certificate_fails_with_the_remedy(run_check: RunCheck, tmp_path: Path) -> None:
    with serving(over_tls(answer(), make_certificate(tmp_path, days=90))) as server:
        result = run_check({"http": f"https://blog.example:{server.port}/"})
    assert not result.passed
    assert "self-signed certificate" in result.reason
    assert "verify_tls: false" in result.reason


def test_certificate_of_the_system_store_passes(
    run_check: RunCheck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_certificate(tmp_path, days=90)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with serving(over_tls(answer(), context)) as server:
        result = run_check({"http": f"https://blog.example:{server.port}/", "tls_days": 30})
        other = run_check({"http": f"https://other.example:{server.port}/"})
    assert result.passed, result.reason
    assert "certificate valid for 89 more days" in result.reason
    assert not other.passed
    assert "Hostname mismatch" in other.reason


@pytest.mark.parametrize(("days", "passes"), [(90, True), (5, False), (-2, False)])
def test_days_left_are_read_without_verifying(
    run_check: RunCheck, tmp_path: Path, days: float, *, passes: bool
) -> None:
    with serving(over_tls(answer(), make_certificate(tmp_path, days=days))) as server:
        url = f"https://blog.example:{server.port}/"
        result = run_check({"http": url, "verify_tls": False, "tls_days": 30})
    assert result.passed is passes, result.reason
    if not passes:
        assert f"valid for 30 days, but found {days - 1}" in result.reason


def test_tls_days_without_tls_fails(run_check: RunCheck) -> None:
    with serving(answer()) as server:
        result = run_check({"http": f"http://blog.example:{server.port}/", "tls_days": 10})
    assert not result.passed
    assert "without TLS" in result.reason


def test_server_name_is_the_urls_host(run_check: RunCheck, tmp_path: Path) -> None:
    names: list[str | None] = []
    context = make_certificate(tmp_path, days=90)

    def keep_name(_socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        names.append(name)

    context.sni_callback = keep_name
    with serving(over_tls(answer(), context)) as server:
        assert run_check(
            {"http": f"https://blog.example:{server.port}/", "verify_tls": False}
        ).passed
    assert names == ["blog.example"]


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\xff\xff" + b"\0" * 70000, b"HTTP/1.1 400 No\r\n\r\n"]
)
def test_garbage_instead_of_tls_fails(run_check: RunCheck, garbage: bytes) -> None:
    def script(client: socket.socket) -> None:
        client.recv(100)
        client.sendall(garbage)

    with serving(script) as server:
        url = f"https://blog.example:{server.port}/"
        result = run_check({"http": url, "timeout": "2s", "verify_tls": False})
    assert not result.passed
    assert result.seconds < 3


def test_tls_handshake_that_never_ends_is_cut(run_check: RunCheck) -> None:
    with serving(endlessly(b"", b"\x16", every_seconds=0.2)) as server:
        url = f"https://blog.example:{server.port}/"
        result = run_check({"http": url, "timeout": "1s"})
    assert not result.passed
    assert result.seconds < 2


@pytest.mark.parametrize("name", ["slow body", "slow headers", "silence"])
def test_hostile_server_behind_tls_ends_in_time(
    run_check: RunCheck, tmp_path: Path, name: str
) -> None:
    with serving(over_tls(HOSTILE[name], make_certificate(tmp_path, days=90))) as server:
        url = f"https://blog.example:{server.port}/"
        result = run_check({"http": url, "timeout": "1s", "verify_tls": False})
    assert not result.passed
    assert result.seconds < 2.5
