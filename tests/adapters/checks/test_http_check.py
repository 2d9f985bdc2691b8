"""HTTP checks against servers that answer, and against servers that mean harm (T13)."""

import socket
import threading

import pytest

from tests.adapters.checks.conftest import RunCheck
from tests.adapters.checks.hostile_http import (
    Script,
    answer,
    read_request,
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
