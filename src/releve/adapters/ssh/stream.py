"""One command on an open connection whose output is handed over as it comes, never kept."""

import asyncio
from collections.abc import Callable

import asyncssh

from releve.adapters.ssh.command import NotStarted, RemoteCommand, exit_code_of, feed
from releve.adapters.ssh.login import explain_failure
from releve.ports.access import CommandResult, Door, StreamLimits

_CHUNK_BYTES = 64 << 10
_STDERR_BYTES = 64 << 10
_STOPPED = -1  # exit code of a command that was ended at a limit

Take = Callable[[bytes], None]


async def stream_once(
    connection: asyncssh.SSHClientConnection,
    door: Door,
    command: RemoteCommand,
    *,
    limits: StreamLimits,
    take: Take,
) -> CommandResult:
    """NotStarted where the channel could not be opened; Unreachable where the answer was lost."""
    try:
        process = await connection.create_process(
            command.line, encoding=None, request_pty=False, send_env=None, env=None
        )
    except (OSError, asyncssh.Error) as error:
        raise NotStarted(str(error)) from error
    errors = bytearray()
    feeder = asyncio.create_task(feed(process, command.stdin))
    listener = asyncio.create_task(_keep_beginning(process.stderr, errors))
    try:
        async with asyncio.timeout(limits.seconds):
            cut = await _hand_over(process.stdout, take, limits=limits)
            if not cut:
                await process.wait_closed()
    except TimeoutError:
        cut = True
    except (OSError, asyncssh.Error) as error:
        raise explain_failure(door, error) from error
    finally:
        for task in (feeder, listener):
            task.cancel()
        await asyncio.gather(feeder, listener, return_exceptions=True)
        process.close()
    exit_code = _STOPPED if cut else exit_code_of(process, door)
    return CommandResult(exit_code, b"", bytes(errors), cut)


async def _hand_over(
    reader: asyncssh.SSHReader[bytes], take: Take, *, limits: StreamLimits
) -> bool:
    """Whether a limit was reached before the output ended."""
    loop = asyncio.get_running_loop()
    taken = 0
    while True:
        try:
            chunk = await asyncio.wait_for(reader.read(_CHUNK_BYTES), limits.silent_seconds)
        except TimeoutError:
            return True
        if not chunk:
            return False
        room = max(0, limits.stdout_bytes - taken)
        taken += len(chunk)
        # in a thread: other connections of this loop must not wait for the taker's disk
        if room:
            await loop.run_in_executor(None, take, chunk[:room])
        if taken > limits.stdout_bytes:
            return True


async def _keep_beginning(reader: asyncssh.SSHReader[bytes], kept: bytearray) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        kept += chunk[: _STDERR_BYTES - len(kept)]
