"""Access to this very machine, without a network in between: the program runs in a child."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from releve.ports.access import Access, CommandResult, Door, StreamLimits

DOOR = Door("127.0.0.1", 22, "root", ())


@dataclass
class LocalAccess(Access):
    python: str = sys.executable
    piece: int = 64 << 10
    commands: list[tuple[str, ...]] = field(default_factory=list)
    received: int = 0

    def try_login(self, door: Door, *, timeout_seconds: float) -> None:
        raise NotImplementedError

    def run_command(
        self, door: Door, *, command: tuple[str, ...], stdin: bytes = b"", timeout_seconds: float
    ) -> CommandResult:
        raise NotImplementedError

    def stream_command(
        self,
        door: Door,
        *,
        command: tuple[str, ...],
        stdin: bytes,
        limits: StreamLimits,
        take: Callable[[bytes], None],
    ) -> CommandResult:
        self.commands.append((door.user, *command))
        argv = [self.python if word == "python3" else word for word in command]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            threading.Thread(target=_feed, args=(process, stdin)).start()
            ends = time.monotonic() + limits.seconds
            self.received = 0
            while piece := os.read(process.stdout.fileno(), self.piece):
                self.received += len(piece)
                take(piece)
                if self.received > limits.stdout_bytes or time.monotonic() > ends:
                    process.kill()
                    return CommandResult(-1, b"", b"", cut=True)
            errors = process.stderr.read()
        return CommandResult(process.returncode, b"", errors)

    def public_keys(self, identity_files: tuple[str, ...]) -> tuple[str, ...]:
        raise NotImplementedError


def _feed(process: subprocess.Popen[bytes], stdin: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(stdin)
        process.stdin.close()
    except BrokenPipeError:
        pass


def require_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT TRIED: only root can enter another root")
