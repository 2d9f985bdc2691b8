"""Commands whose output is handed over as it comes, on a real OpenSSH sshd."""

import time
from collections.abc import Iterator

import pytest

from releve.adapters.ssh.access import SshAccess
from releve.ports.access import CommandResult, StreamLimits
from tests.adapters.sshd import Sshd

ROOMY = StreamLimits(seconds=30, silent_seconds=20, stdout_bytes=100 << 20)


@pytest.fixture(scope="module")
def access() -> Iterator[SshAccess]:
    access = SshAccess()
    yield access
    access.close()


class Kept:
    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def __call__(self, piece: bytes) -> None:
        self.pieces.append(piece)

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))


def stream(
    access: SshAccess, sshd: Sshd, script: str, *, limits: StreamLimits = ROOMY, kept: Kept
) -> CommandResult:
    return access.stream_command(
        sshd.door(), command=("sh", "-c", script), stdin=b"fed", limits=limits, take=kept
    )


def test_output_comes_whole_in_bounded_pieces(access: SshAccess, sshd: Sshd) -> None:
    kept = Kept()
    result = stream(access, sshd, "cat; head -c 5000000 /dev/zero; echo no >&2; exit 4", kept=kept)
    assert (result.exit_code, result.stderr, result.cut) == (4, b"no\n", False)
    assert kept.size == 3 + 5_000_000
    assert max(map(len, kept.pieces)) <= 64 << 10


def test_endless_output_ends_at_the_limit(access: SshAccess, sshd: Sshd) -> None:
    kept = Kept()
    limits = StreamLimits(seconds=30, silent_seconds=20, stdout_bytes=1_000_000)
    result = stream(access, sshd, "yes", limits=limits, kept=kept)
    assert (result.cut, result.exit_code, kept.size) == (True, -1, 1_000_000)


def test_output_of_just_the_limit_is_whole(access: SshAccess, sshd: Sshd) -> None:
    kept = Kept()
    limits = StreamLimits(seconds=30, silent_seconds=20, stdout_bytes=100_000)
    result = stream(access, sshd, "head -c 100000 /dev/zero", limits=limits, kept=kept)
    assert (result.cut, result.exit_code, kept.size) == (False, 0, 100_000)


@pytest.mark.parametrize(
    "limits",
    [
        StreamLimits(seconds=3, silent_seconds=20, stdout_bytes=1 << 20),
        StreamLimits(seconds=20, silent_seconds=3, stdout_bytes=1 << 20),
    ],
)
def test_a_command_that_hangs_is_ended(access: SshAccess, sshd: Sshd, limits: StreamLimits) -> None:
    kept, started = Kept(), time.monotonic()
    result = stream(access, sshd, "echo first; sleep 60", limits=limits, kept=kept)
    assert result.cut
    assert kept.pieces == [b"first\n"]
    assert time.monotonic() - started < 30


def test_an_error_of_the_taker_ends_it_and_is_raised(access: SshAccess, sshd: Sshd) -> None:
    def refuse(piece: bytes) -> None:
        raise ValueError(f"no {piece[:1]!r}")

    with pytest.raises(ValueError, match="no b'y'"):
        access.stream_command(sshd.door(), command=("yes",), stdin=b"", limits=ROOMY, take=refuse)
    assert stream(access, sshd, "true", kept=Kept()).exit_code == 0
