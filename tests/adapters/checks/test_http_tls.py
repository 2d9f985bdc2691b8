"""Whom an HTTPS check trusts, and what it says of a certificate."""

import socket
import ssl
from pathlib import Path

import pytest

from tests.adapters.checks.conftest import RunCheck
from tests.adapters.checks.hostile_http import (
    answer,
    endlessly,
    make_certificate,
    over_tls,
    serving,
)


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
    assert result.seconds < 6


def test_tls_handshake_that_never_ends_is_cut(run_check: RunCheck) -> None:
    with serving(endlessly(b"", b"\x16", every_seconds=0.2)) as server:
        url = f"https://blog.example:{server.port}/"
        result = run_check({"http": url, "timeout": "1s"})
    assert not result.passed
    assert result.seconds < 6
