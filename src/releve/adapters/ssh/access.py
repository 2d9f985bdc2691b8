"""Access over asyncssh: proven host keys only, one connection kept per door."""

import asyncio
import atexit
from collections.abc import Awaitable, Callable

import asyncssh

from releve.adapters.ssh.command import NotStarted, RemoteCommand, run_once
from releve.adapters.ssh.event_loop import EventLoopThread
from releve.adapters.ssh.identities import read_public_keys
from releve.adapters.ssh.login import explain_failure, log_in
from releve.adapters.ssh.stream import stream_once
from releve.errors import Unreachable
from releve.ports.access import Access, CommandResult, Door, StreamLimits

Run = Callable[[asyncssh.SSHClientConnection], Awaitable[CommandResult]]


class SshAccess(Access):
    """Safe to call from several threads; connections live until close() or the process ends."""

    def __init__(self) -> None:
        self._thread = EventLoopThread("releve-ssh")
        self._connections: dict[Door, asyncssh.SSHClientConnection] = {}
        self._locks: dict[Door, asyncio.Lock] = {}
        atexit.register(self.close)

    def try_login(self, door: Door, *, timeout_seconds: float) -> None:
        result = self.run_command(door, command=("true",), timeout_seconds=timeout_seconds)
        if result.exit_code != 0:
            raise Unreachable(
                f"{door.user} logs in at {door.address} but cannot run a command",
                why=result.stderr.decode("utf-8", "replace")[:500],
                remedy="look at the login shell and the disk of the instance",
            )

    def run_command(
        self, door: Door, *, command: tuple[str, ...], stdin: bytes = b"", timeout_seconds: float
    ) -> CommandResult:
        return self._thread.run(
            self._run(door, RemoteCommand(command, stdin), timeout_seconds=timeout_seconds)
        )

    def stream_command(
        self,
        door: Door,
        *,
        command: tuple[str, ...],
        stdin: bytes,
        limits: StreamLimits,
        take: Callable[[bytes], None],
    ) -> CommandResult:
        remote = RemoteCommand(command, stdin)

        async def stream(connection: asyncssh.SSHClientConnection) -> CommandResult:
            return await stream_once(connection, door, remote, limits=limits, take=take)

        return self._thread.run(self._on_connection(door, stream))

    def public_keys(self, identity_files: tuple[str, ...]) -> tuple[str, ...]:
        return self._thread.run(read_public_keys(identity_files))

    def close(self) -> None:
        atexit.unregister(self.close)
        if self._thread.is_running:
            self._thread.run(self._close_connections())
            self._thread.stop()

    async def _run(
        self, door: Door, command: RemoteCommand, *, timeout_seconds: float
    ) -> CommandResult:
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._on_connection(
                    door, lambda connection: run_once(connection, door, command=command)
                )
        except TimeoutError as error:
            self._drop(door, self._connections.get(door))
            raise Unreachable(
                f"{door.address} port {door.port} gave no result within {timeout_seconds:g} s",
                why=f"{command.argv[0]} was still running or the connection hangs",
                remedy="look at the load and the disk of the instance, then try again",
            ) from error

    async def _on_connection(self, door: Door, run: Run) -> CommandResult:
        """A kept connection may have died unnoticed: then once more on a new one."""
        connection = await self._connected(door)
        try:
            return await run(connection)
        except NotStarted:
            self._drop(door, connection)
        connection = await self._connected(door)
        try:
            return await run(connection)
        except NotStarted as error:
            self._drop(door, connection)
            raise explain_failure(door, error) from error

    async def _connected(self, door: Door) -> asyncssh.SSHClientConnection:
        async with self._locks.setdefault(door, asyncio.Lock()):
            connection = self._connections.get(door)
            if connection is None or connection.is_closed():
                connection = self._connections[door] = await log_in(door)
            return connection

    def _drop(self, door: Door, connection: asyncssh.SSHClientConnection | None) -> None:
        if connection is not None:
            connection.abort()
            if self._connections.get(door) is connection:
                del self._connections[door]

    async def _close_connections(self) -> None:
        for door, connection in list(self._connections.items()):
            self._drop(door, connection)
