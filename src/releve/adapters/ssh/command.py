"""One command on an open connection, with bounds on its output and its time."""

import asyncio
import shlex
import signal
from dataclasses import dataclass, field

import asyncssh

from releve.adapters.ssh.login import explain_failure
from releve.errors import Unreachable
from releve.ports.access import CommandResult, Door

_STDOUT_BYTES = 1 << 20
_STDERR_BYTES = 64 << 10
_DISCARDED_BYTES = 16 << 20  # past the bounds; then the command is stopped
_CHUNK_BYTES = 32 << 10
_STOPPED = -1  # exit code of a command that was stopped for its endless output


class NotStarted(Exception):
    """The connection died before the command was sent: it may be sent again."""


@dataclass(frozen=True)
class RemoteCommand:
    argv: tuple[str, ...]
    stdin: bytes = b""

    @property
    def line(self) -> str:
        return shlex.join(self.argv)


@dataclass
class _Stream:
    bound: int
    kept: bytearray = field(default_factory=bytearray)
    discarded: int = 0

    def take(self, chunk: bytes) -> None:
        room = self.bound - len(self.kept)
        self.kept += chunk[:room]
        self.discarded += max(0, len(chunk) - room)


async def run_once(
    connection: asyncssh.SSHClientConnection, door: Door, *, command: RemoteCommand
) -> CommandResult:
    """NotStarted where the channel could not be opened; Unreachable where the answer was lost."""
    try:
        process = await connection.create_process(
            command.line, encoding=None, request_pty=False, send_env=None, env=None
        )
    except (OSError, asyncssh.Error) as error:
        raise NotStarted(str(error)) from error
    try:
        return await _collect(process, door, command.stdin)
    finally:
        process.close()


async def _collect(
    process: asyncssh.SSHClientProcess[bytes], door: Door, stdin: bytes
) -> CommandResult:
    out, err = _Stream(_STDOUT_BYTES), _Stream(_STDERR_BYTES)
    endless = asyncio.Event()
    readers = [
        asyncio.create_task(_read(process.stdout, out, endless)),
        asyncio.create_task(_read(process.stderr, err, endless)),
        asyncio.create_task(feed(process, stdin)),
    ]
    finished = asyncio.create_task(_wait_for_end(process, readers))
    stopper = asyncio.create_task(endless.wait())
    try:
        await asyncio.wait((finished, stopper), return_when=asyncio.FIRST_COMPLETED)
        if not endless.is_set():
            await finished
    except (OSError, asyncssh.Error) as error:
        raise explain_failure(door, error) from error
    finally:
        tasks = (*readers, finished, stopper)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    exit_code = _STOPPED if endless.is_set() else exit_code_of(process, door)
    cut = bool(out.discarded or err.discarded)
    return CommandResult(exit_code, bytes(out.kept), bytes(err.kept), cut)


async def _wait_for_end(
    process: asyncssh.SSHClientProcess[bytes], readers: list[asyncio.Task[None]]
) -> None:
    await asyncio.gather(*readers)
    await process.wait_closed()


async def _read(reader: asyncssh.SSHReader[bytes], stream: _Stream, endless: asyncio.Event) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        stream.take(chunk)
        if stream.discarded > _DISCARDED_BYTES:
            endless.set()
            return


async def feed(process: asyncssh.SSHClientProcess[bytes], stdin: bytes) -> None:
    try:
        for start in range(0, len(stdin), _CHUNK_BYTES):
            process.stdin.write(stdin[start : start + _CHUNK_BYTES])
            await process.stdin.drain()
        process.stdin.write_eof()
    except (BrokenPipeError, ConnectionResetError):
        return  # the command ended without reading all of it: its exit code tells


def exit_code_of(process: asyncssh.SSHClientProcess[bytes], door: Door) -> int:
    if process.exit_signal:
        name = f"SIG{process.exit_signal[0]}"
        known = signal.Signals.__members__.get(name)
        return 128 + (known.value if known else 127)
    if process.exit_status is None or process.exit_status < 0:
        raise Unreachable(
            f"{door.address} port {door.port} hung up before the command had ended",
            why="no exit status was received",
            remedy="look whether the instance still runs, then try again",
        )
    return process.exit_status
