"""Where every request of a check goes: one address, whatever the URL says."""

import ipaddress
import ssl
from collections.abc import Callable

import httpx

Trust = Callable[[], ssl.SSLContext]


class AddressTransport(httpx.AsyncBaseTransport):
    """Connects to `address` only; the URL's host is the Host header and the TLS name, no more."""

    def __init__(self, address: str, *, trust: Trust) -> None:
        ip = ipaddress.ip_address(address)
        self._host = f"[{ip}]" if ip.version == 6 else str(ip)
        self._trust = trust
        self._transports: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        directed = httpx.Request(
            request.method,
            request.url.copy_with(host=self._host),
            headers=request.headers,  # Host was set from the URL and stays
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.raw_host.decode()},
        )
        return await self._transport_for(request.url.scheme).handle_async_request(directed)

    def _transport_for(self, scheme: str) -> httpx.AsyncHTTPTransport:
        if scheme not in self._transports:
            # loading the system store takes 30 ms, so plain http does without
            verify = self._trust() if scheme == "https" else False
            self._transports[scheme] = httpx.AsyncHTTPTransport(verify=verify, trust_env=False)
        return self._transports[scheme]

    def read_certificate(self, response: httpx.Response) -> bytes:
        """DER of the other side's certificate, unverified or not; empty without TLS."""
        stream = response.extensions.get("network_stream")
        tls = stream.get_extra_info("ssl_object") if stream is not None else None
        return (tls.getpeercert(binary_form=True) or b"") if tls is not None else b""

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()
