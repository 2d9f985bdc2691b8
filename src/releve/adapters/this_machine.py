"""Access to this very machine, in a child process: for dead disks that are mounted here."""

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from releve.errors import Unreachable
from releve.ports.access import Access, CommandResult, Door, StreamLimits

_PIECE_BYTES = 64 << 10
_STDOUT_BYTES = 1 << 20
_STDERR_BYTES = 64 << 10
_STOPPED = -1  # exit code of a command that was ended at a limit


class ThisMachine(Access):
    """A door says only as whom one acts here; nothing goes over a network."""

    def try_login(self, door: Door, *, timeout_seconds: float) -> None:
        self.run_command(door, command=("true",), timeout_seconds=timeout_seconds)

    def run_command(
        self, door: Door, *, command: tuple[str, ...], stdin: bytes = b"", timeout_seconds: float
    ) -> CommandResult:
        kept = bytearray()
        limits = StreamLimits(timeout_seconds, timeout_seconds, _STDOUT_BYTES)
        result = self.stream_command(
            door, command=command, stdin=stdin, limits=limits, take=kept.extend
        )
        return CommandResult(result.exit_code, bytes(kept), result.stderr, result.cut)

    def stream_command(
        self,
        door: Door,
        *,
        command: tuple[str, ...],
        stdin: bytes,
        limits: StreamLimits,
        take: Callable[[bytes], None],
    ) -> CommandResult:
        del door
        process = _start(command)
        errors = bytearray()
        workers = [
            threading.Thread(target=_feed, args=(process, stdin), daemon=True),
            threading.Thread(target=_keep_beginning, args=(process, errors), daemon=True),
        ]
        for worker in workers:
            worker.start()
        try:
            cut = _hand_over(process, take, limits=limits)
            exit_code = _STOPPED if cut else process.wait()
        finally:
            _end(process)
            for worker in workers:
                worker.join()
        return CommandResult(exit_code, b"", bytes(errors), cut)

    def public_keys(self, identity_files: tuple[str, ...]) -> tuple[str, ...]:
        del identity_files
        return ()


def _start(command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - an argv of ours; no shell reads it
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            start_new_session=True,  # what it started ends with it
        )
    except OSError as error:
        raise Unreachable(
            f"{command[0]} cannot be started on this machine",
            why=str(error),
            remedy="Install it, or run the command where it is",
        ) from error


def _hand_over(
    process: subprocess.Popen[bytes], take: Callable[[bytes], None], *, limits: StreamLimits
) -> bool:
    """Whether a limit was reached before the output ended."""
    assert process.stdout is not None  # noqa: S101 - asked for
    ends = time.monotonic() + limits.seconds
    taken = 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            patience = min(limits.silent_seconds, ends - time.monotonic())
            if patience <= 0 or not selector.select(patience):
                return True
            piece = os.read(process.stdout.fileno(), _PIECE_BYTES)
            if not piece:
                return False
            if room := max(0, limits.stdout_bytes - taken):
                take(piece[:room])
            taken += len(piece)
            if taken > limits.stdout_bytes:
                return True


def _feed(process: subprocess.Popen[bytes], stdin: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - asked for
    with suppress(OSError), process.stdin:
        process.stdin.write(stdin)


def _keep_beginning(process: subprocess.Popen[bytes], kept: bytearray) -> None:
    assert process.stderr is not None  # noqa: S101 - asked for
    while piece := process.stderr.read1(_PIECE_BYTES):  # type: ignore[attr-defined] # buffered
        kept += piece[: _STDERR_BYTES - len(kept)]


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
