"""An HTTP check: one request, sent to one address, with an end in time and in bytes."""

import asyncio
import ssl
import zlib
from datetime import UTC, datetime

import httpx
from cryptography import x509

from releve.adapters.checks.address_transport import AddressTransport
from releve.adapters.checks.trust import SystemTrust, accept_any
from releve.errors import CheckFailed
from releve.model.server_text import show_server_text
from releve.plan.types import HttpCheck

MAX_BODY_BYTES = 1024 * 1024
MAX_REDIRECTS = 5
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "releve-check"}


def check_http(check: HttpCheck, *, address: str, system: SystemTrust) -> str:
    """The sentence that says what was found; CheckFailed where it is not what the plan wants."""
    seconds = check.timeout.total_seconds()
    trust = system.load if check.verify_tls else accept_any
    try:
        url = _read_url(check.http)
        return asyncio.run(
            _check_within(check, url, transport=AddressTransport(address, trust=trust))
        )
    except (TimeoutError, httpx.TimeoutException) as error:
        raise CheckFailed(
            f"expected a complete answer with status {check.status} within {seconds:g} s, "
            "but there was none by then",
            remedy="see whether the service answers slowly, or raise this check's timeout",
        ) from error
    except httpx.HTTPError as error:
        raise _explain(error, expected=check.status) from error


def _read_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise _refuse_url(text, why=str(error)) from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise _refuse_url(text, why="it is not an http or https URL with a host")
    if url.userinfo:
        raise _refuse_url(text, why="a user name or password in the URL is never sent")
    return url


def _refuse_url(text: str, *, why: str) -> CheckFailed:
    return CheckFailed(
        f'expected a URL to ask for, but "{show_server_text(text)}" is none',
        why=show_server_text(why),
        remedy="correct the check in releve.yml",
    )


async def _check_within(check: HttpCheck, url: httpx.URL, *, transport: AddressTransport) -> str:
    seconds = check.timeout.total_seconds()
    async with (
        asyncio.timeout(seconds),
        httpx.AsyncClient(transport=transport, timeout=seconds, trust_env=False) as client,
    ):
        response = await _ask(client, url, expected_status=check.status)
        certificate = transport.read_certificate(response)
        body = await _read_body(response)
    found = [_judge_status(response, expected=check.status)]
    if check.tls_days:
        found.append(_judge_certificate(certificate, least_days=check.tls_days))
    if check.contains:
        found.append(_judge_body(response, body, wanted=check.contains))
    return ", ".join(found)


async def _ask(
    client: httpx.AsyncClient, url: httpx.URL, *, expected_status: int
) -> httpx.Response:
    request = client.build_request("GET", url, headers=_HEADERS)
    for _ in range(MAX_REDIRECTS + 1):
        response = await client.send(request, stream=True)
        onward = response.next_request
        if onward is None or response.status_code == expected_status:
            return response
        await response.aclose()
        _judge_redirect(url, onward.url)
        request = onward
    raise CheckFailed(
        f"expected status {expected_status}, but there were more than {MAX_REDIRECTS} redirects",
        remedy="name the last URL in the check",
    )


def _judge_redirect(url: httpx.URL, onward: httpx.URL) -> None:
    same_port = _port_of(onward) == _port_of(url)
    upgraded = onward.scheme == "https" and _port_of(onward) == 443
    known_scheme = onward.scheme in {"http", "https"}
    if known_scheme and onward.host == url.host and not onward.userinfo and (same_port or upgraded):
        return
    raise CheckFailed(
        f"expected an answer from {url.host}, "
        f'but it redirects to "{show_server_text(str(onward))}"',
        why="a check follows redirects on its own host only",
        remedy="name the last URL in the check, or expect the redirect's status",
    )


def _port_of(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


async def _read_body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= MAX_BODY_BYTES:
            break
    await response.aclose()
    return bytes(body[:MAX_BODY_BYTES])


def _judge_status(response: httpx.Response, *, expected: int) -> str:
    found = response.status_code
    if found == expected:
        return f"status {expected} as expected"
    phrase = httpx.codes.get_reason_phrase(found) or "not a known status"
    raise CheckFailed(
        f"expected status {expected}, but found {found} ({phrase})",
        remedy="read the service's log on the instance",
    )


def _judge_certificate(certificate: bytes, *, least_days: int) -> str:
    if not certificate:
        raise CheckFailed(
            f"expected a certificate valid for {least_days} days, but the answer came without TLS",
            remedy="use an https URL in the check",
        )
    try:
        expires = x509.load_der_x509_certificate(certificate).not_valid_after_utc
    except ValueError as error:
        raise CheckFailed(
            f"expected a certificate valid for {least_days} days, but it cannot be read",
            why=show_server_text(str(error)),
            remedy="renew the certificate",
        ) from error
    days = (expires - datetime.now(UTC)).days
    if days < least_days:
        raise CheckFailed(
            f"expected a certificate valid for {least_days} days, but found {days}",
            remedy="renew the certificate",
        )
    return f"certificate valid for {days} more days"


def _judge_body(response: httpx.Response, body: bytes, *, wanted: list[str]) -> str:
    plain = _decompress(body, coding=response.headers.get("content-encoding", "").strip().lower())
    for text in wanted:
        if text.encode() not in plain and _encode(text, response) not in plain:
            raise CheckFailed(
                f'expected "{show_server_text(text)}" in the body, but it is not in the '
                f'{len(plain)} bytes read: "{show_server_text(plain)}"',
                remedy="see whether the service has its data",
            )
    return f"{len(wanted)} of {len(wanted)} texts found"


def _decompress(body: bytes, *, coding: str) -> bytes:
    if coding in {"", "identity"}:
        return body
    if coding in {"gzip", "x-gzip", "deflate"}:
        try:
            return zlib.decompressobj(47).decompress(body, MAX_BODY_BYTES)  # 47: gzip or zlib
        except zlib.error as error:
            raise _refuse_coding(coding) from error
    raise _refuse_coding(coding)


def _refuse_coding(coding: str) -> CheckFailed:
    return CheckFailed(
        "expected a plain body, as asked for, "
        f'but it is compressed with "{show_server_text(coding, limit=40)}" and cannot be read',
        remedy="let the service answer plainly when it is asked to",
    )


def _encode(text: str, response: httpx.Response) -> bytes:
    try:
        return text.encode(response.charset_encoding or "utf-8")
    except (LookupError, UnicodeError):
        return text.encode()


def _explain(error: httpx.HTTPError, *, expected: int) -> CheckFailed:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CheckFailed(
                "expected a certificate that this controller's system store trusts",
                why=show_server_text(cause.verify_message),
                remedy="install a trusted certificate, or set verify_tls: false for this check",
            )
        cause = cause.__cause__ or cause.__context__
    return CheckFailed(
        f"expected status {expected}, but there was no readable answer",
        why=show_server_text(str(error) or type(error).__name__),
        remedy="see whether the service runs and listens on this port",
    )
