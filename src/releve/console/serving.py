"""The console's HTTP server, inside the event loop of the watch; bounded in all it takes."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from releve.console.application import Doors, build_application
from releve.errors import ReleveError

MOST_CONNECTIONS: Final = 64
MOST_HEAD_BYTES: Final = 16 * 1024
REQUEST_SECONDS: Final = 15.0  # from connecting, or from the answer before, to the next answer
IDLE_SECONDS: Final = 5
STOP_SECONDS: Final = 2
HEADERS: Final = [
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
]


@asynccontextmanager
async def serve_console(doors: Doors, *, listen: str) -> AsyncIterator[int]:
    """Serves while the block runs; the port is given. ReleveError where it cannot listen.

    `listen`: address:port as the plan says; port 0 takes any. Signals stay with the caller.
    """
    listener = _listen(listen)
    address, port = listener.getsockname()[:2]
    is_loopback = ipaddress.ip_address(address).is_loopback
    server = _Server(_configure(doors, only_loopback=is_loopback))
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="console")
    try:
        yield port
    finally:
        server.should_exit = True
        await asyncio.wait({serving}, timeout=STOP_SECONDS + 3)
        serving.cancel()
        listener.close()


def _listen(listen: str) -> socket.socket:
    address, _, port = listen.rpartition(":")
    address = address.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # Named TCP: asyncio turns Nagle's delay off for such sockets only.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, int(port)))
        listener.listen(MOST_CONNECTIONS)
    except (OSError, ValueError) as error:
        listener.close()
        raise ReleveError(
            f"cannot listen on {listen}",
            why=getattr(error, "strerror", "") or str(error),
            remedy="end what listens there, or give watch another listen in the plan",
        ) from error
    return listener


def _configure(doors: Doors, *, only_loopback: bool) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # no line for each bad request
    return uvicorn.Config(
        build_application(doors, only_loopback=only_loopback),
        http=_BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=HEADERS,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        backlog=MOST_CONNECTIONS,
    )


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _BoundedProtocol(H11Protocol):
    """At most so many connections; each is cut that does not get its request done in time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._give_time()

    def on_response_complete(self) -> None:
        self._give_time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _give_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)
