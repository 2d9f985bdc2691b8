"""Whatever a machine answers, a scan ends: refused, partial or with a blind spot, and bounded."""

import resource
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from releve.adapters.ssh.access import SshAccess
from releve.errors import CommandFailed
from releve.model.observed import FactKind, require_sorted
from releve.ports.access import Access, CommandResult, Door, StreamLimits
from releve.scan.request import ScanBounds, ScanRequest
from releve.scan.scan import Observation, observe
from tests.adapters.sshd import SSHD, Sshd
from tests.scan.hostile_answers import CASES, nonce_in
from tests.scan.local_access import DOOR, LocalAccess

HERE = Path(__file__).parent
BOUNDS = ScanBounds(
    seconds=60, silent_seconds=10, stdout_bytes=4 << 20, unpacked_bytes=64 << 20,
    records=60_000, facts=2000,
)  # fmt: skip
MOST_GROWTH = 200 << 10  # KiB, as getrusage counts


@dataclass
class AnsweringAccess(LocalAccess):
    """Answers at once what a hostile machine would, in pieces of any size."""

    case: str = ""
    exit_code: int = 0
    errors: bytes = b""

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
        taken = 0
        for answer in CASES[self.case][1](nonce_in(stdin)):
            for start in range(0, len(answer), self.piece):
                piece = answer[start : start + self.piece][: limits.stdout_bytes - taken]
                taken += len(piece)
                take(piece)
                if taken >= limits.stdout_bytes:
                    return CommandResult(-1, b"", b"", cut=True)
        return CommandResult(self.exit_code, b"", self.errors)


@pytest.mark.parametrize("piece", [1 << 16, 17])
@pytest.mark.parametrize("case", sorted(CASES))
def test_a_hostile_answer_is_refused_partial_or_noted(case: str, piece: int) -> None:
    if piece == 17 and case in {"a_bomb", "a_giant_line", "endless_chunks"}:
        piece = 4096
    judge(case, AnsweringAccess(case=case, piece=piece), DOOR)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    if SSHD is None:
        pytest.skip("NOT TRIED: no sshd is installed")
    directory = tmp_path_factory.mktemp("sshd")
    argv = [sys.executable, str(HERE / "hostile_answers.py")]
    forced = f"ForceCommand {shlex.join(argv)} $(cat {directory / 'case'})"
    server = Sshd(directory, options=(forced,))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def access() -> Iterator[SshAccess]:
    access = SshAccess()
    yield access
    access.close()


@pytest.mark.parametrize("case", sorted(CASES))
def test_the_same_behind_a_real_sshd(case: str, sshd: Sshd, access: SshAccess) -> None:
    (sshd.directory / "case").write_text(case)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    judge(case, access, sshd.door())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH


def test_a_silent_machine_is_left(access: SshAccess, sshd: Sshd) -> None:
    bounds = ScanBounds(seconds=30, silent_seconds=0.5)
    silent = Sshd(sshd.directory / "silent", options=("ForceCommand sleep 60",))
    silent.start()
    try:
        with pytest.raises(CommandFailed) as caught:
            observe(access, silent.door(), ScanRequest(b"k", bounds=bounds))
    finally:
        silent.stop()
    assert caught.value.remedy


def test_a_machine_without_python_says_so() -> None:
    access = AnsweringAccess(case="nothing", exit_code=127, errors=b"\x1b[2Jpython3: not found")
    with pytest.raises(CommandFailed) as caught:
        observe(access, DOOR, ScanRequest(b"k"))
    assert "\x1b" not in str(caught.value)
    assert "python3: not found" in str(caught.value)


def test_a_user_other_than_root_asks_for_root_without_a_password() -> None:
    access = AnsweringAccess(case="words_of_the_login_shell")
    door = Door("127.0.0.1", 22, "debian", ())
    observe(access, door, ScanRequest(b"key of the host"))
    assert access.commands[0][:4] == ("debian", "sudo", "-n", "python3")
    assert not any(b"key of the host".hex() in word for word in access.commands[0])


def judge(case: str, access: Access, door: Door) -> None:
    expected = CASES[case][0]
    if expected == "refused":
        with pytest.raises(CommandFailed) as caught:
            walk(observe(access, door, ScanRequest(b"k", bounds=BOUNDS)))
        assert caught.value.remedy
        assert len(str(caught.value)) < 1000
        assert str(caught.value).isprintable()
        return
    observation = observe(access, door, ScanRequest(b"k", bounds=BOUNDS))
    spots = walk(observation)
    assert observation.complete is (expected == "noted")
    assert ("scan" in spots) is (expected == "partial")


def walk(observation: Observation) -> set[str]:
    """The keys of its blind spots; its facts are in order, each there once."""
    return {
        fact.key
        for fact in require_sorted(observation.facts())
        if fact.kind is FactKind.NOT_CHECKED
    }
