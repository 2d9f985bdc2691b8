"""Prober over asyncssh: one connection per host on the caller's event loop, no thread."""

import asyncio
import random
import secrets
import shlex
from typing import Final

import asyncssh

from releve.adapters.probe.program import build_program, command_for
from releve.adapters.ssh.login import log_in
from releve.adapters.ssh.probe_session import ProbeSession
from releve.errors import HostKeyMismatch, PlanError, Unreachable
from releve.model.reading import Lost, Silence
from releve.model.server_text import show_server_text
from releve.ports.access import Door
from releve.ports.prober import ProbeOrder, Prober, Take

_LOGINS_AT_ONCE: Final = 20
_START_SECONDS: Final = 20.0  # from the command to the first reading, besides the silence allowed
_FIRST_PAUSE: Final = 1.0  # before the second attempt; each further pause is twice as long
_WINDOW_BYTES: Final = 128 << 10  # what a host may send before it is read
_LONGEST_REASON: Final = 2000


class SshProber(Prober):
    """For one event loop."""

    def __init__(self) -> None:
        self._logins = asyncio.Semaphore(_LOGINS_AT_ONCE)
        self._connections: set[asyncssh.SSHClientConnection] = set()

    async def follow(self, door: Door, *, order: ProbeOrder, take: Take) -> None:
        failures = 0
        while True:
            heard, lost = await self._follow_once(door, order=order, take=take)
            failures = 0 if heard else failures + 1
            take(lost)
            longest = max(_FIRST_PAUSE, order.interval_seconds)
            pause = min(longest, _FIRST_PAUSE * 2.0 ** min(failures, 10))
            # jitter, so that hosts lost together do not come back together
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret

    async def close(self) -> None:
        connections, self._connections = self._connections, set()
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(one.wait_closed() for one in connections), return_exceptions=True)

    async def _follow_once(self, door: Door, *, order: ProbeOrder, take: Take) -> tuple[bool, Lost]:
        """Whether there was a reading, and why there is none any more."""
        nonce = secrets.token_hex(16)
        session = ProbeSession(
            build_program(order, nonce=nonce),
            nonce=nonce,
            clock=asyncio.get_running_loop().time,
        )
        heard = False
        connection: asyncssh.SSHClientConnection | None = None
        try:
            async with self._logins:
                connection = await log_in(door, keepalive_seconds=0)
                self._connections.add(connection)
                channel = await _start(connection, door, session)
            patience = order.silent_seconds or 2 * order.interval_seconds + 5
            while reading := await session.wait(patience if heard else patience + _START_SECONDS):
                heard = True
                take(reading)
            return heard, _explain_end(session, channel)
        except TimeoutError:
            return heard, Lost(Silence.UNREACHABLE, "nothing has come from it in time")
        except (OSError, asyncssh.Error, HostKeyMismatch, PlanError, Unreachable) as error:
            return heard, _explain_failure(error)
        finally:
            if connection is not None:
                self._connections.discard(connection)
                connection.abort()


async def _start(
    connection: asyncssh.SSHClientConnection, door: Door, session: ProbeSession
) -> asyncssh.SSHClientChannel[bytes]:
    """TimeoutError where the host lets us in and then runs nothing."""
    async with asyncio.timeout(_START_SECONDS):
        channel, _ = await connection.create_session(
            lambda: session,
            shlex.join(command_for(door)),
            encoding=None,
            request_pty=False,
            send_env=None,
            env=None,
            window=_WINDOW_BYTES,
        )
    return channel


def _explain_end(session: ProbeSession, channel: asyncssh.SSHClientChannel[bytes]) -> Lost:
    if session.complaint:
        return _lost(Silence.ENDED, f"the probe was cut off: {session.complaint}")
    if session.header is None and session.lost is None:
        words = session.words or "it said nothing"
        status = channel.get_exit_status()
        code = "" if status is None else f", exit code {status}"
        return _lost(Silence.REFUSED, f"the probe did not start{code}: {words}")
    if session.lost is not None:
        return _lost(Silence.UNREACHABLE, f"the connection was lost: {session.lost}")
    return _lost(Silence.ENDED, "the probe has ended by itself")


def _explain_failure(error: Exception) -> Lost:
    if isinstance(error, HostKeyMismatch):
        return _lost(Silence.WRONG_KEY, str(error))
    if isinstance(error, PlanError):  # on our side: no key to log in with
        return _lost(Silence.REFUSED, str(error))
    refused = isinstance(error, asyncssh.ChannelOpenError) or isinstance(
        error.__cause__, asyncssh.PermissionDenied
    )
    kind = Silence.REFUSED if refused else Silence.UNREACHABLE
    return _lost(kind, str(error) or type(error).__name__)


def _lost(kind: Silence, reason: str) -> Lost:
    return Lost(kind, show_server_text(reason, limit=_LONGEST_REASON))
