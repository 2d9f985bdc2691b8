"""Commands on this very machine: bounded, and never left behind."""

import os
import time
from pathlib import Path

import pytest

from releve.adapters.this_machine import ThisMachine
from releve.errors import Unreachable
from releve.ports.access import Door, StreamLimits

HERE = Door("", 0, "root", ())
AMPLE = StreamLimits(seconds=60, silent_seconds=60, stdout_bytes=1 << 20)


def sh(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


def test_output_input_and_exit_code_come_through() -> None:
    result = ThisMachine().run_command(
        HERE, command=sh("cat; echo wrong >&2; exit 3"), stdin=b"given", timeout_seconds=60
    )
    assert result.stdout == b"given"
    assert result.stderr == b"wrong\n"
    assert (result.exit_code, result.cut) == (3, False)


def test_much_input_and_output_at_once_do_not_wait_for_each_other() -> None:
    taken = bytearray()
    sent = os.urandom(700_000)
    result = ThisMachine().stream_command(
        HERE, command=("cat",), stdin=sent, limits=AMPLE, take=taken.extend
    )
    assert bytes(taken) == sent
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("script", "limits"),
    [
        ("yes", StreamLimits(60, 60, 100_000)),
        ("echo a; sleep 1000", StreamLimits(60, 0.3, 1000)),
        ("while :; do echo a; sleep 0.05; done", StreamLimits(0.5, 60, 1 << 20)),
    ],
    ids=["endless", "silent", "long"],
)
def test_at_a_limit_it_is_ended_with_all_it_started(
    tmp_path: Path, script: str, limits: StreamLimits
) -> None:
    taken = bytearray()
    pid = tmp_path / "pid"
    result = ThisMachine().stream_command(
        HERE,
        command=sh(f"sleep 1000 & echo $! >{pid}; {script}"),
        stdin=b"",
        limits=limits,
        take=taken.extend,
    )
    assert result.cut
    assert len(taken) <= limits.stdout_bytes
    wait_until_ended(int(pid.read_text()))


def wait_until_ended(pid: int) -> None:
    """A killed grandchild is reaped by whoever adopts it, a little later."""
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except FileNotFoundError:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is still there")


def test_an_error_of_the_taker_ends_it_and_is_raised(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def refuse(piece: bytes) -> None:
        raise Unreachable("malformed", why=piece.decode(), remedy="none")

    with pytest.raises(Unreachable, match="malformed"):
        ThisMachine().stream_command(
            HERE,
            command=sh(f"echo $$ >{pid}; echo x; sleep 1000"),
            stdin=b"",
            limits=AMPLE,
            take=refuse,
        )
    wait_until_ended(int(pid.read_text()))


def test_errors_are_bounded() -> None:
    result = ThisMachine().run_command(
        HERE, command=sh("head -c 1000000 /dev/zero >&2"), timeout_seconds=60
    )
    assert len(result.stderr) == 64 << 10


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(Unreachable, match="cannot be started"):
        ThisMachine().run_command(HERE, command=("/no/such/program",), timeout_seconds=60)
