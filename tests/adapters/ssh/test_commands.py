"""Commands, bounds, keys and reuse, on a real OpenSSH sshd and on an asyncssh server."""

import asyncio
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from releve.adapters.ssh import login
from releve.adapters.ssh.access import SshAccess
from releve.errors import PlanError, Unreachable
from releve.ports.access import Door
from tests.adapters.ssh.raw_server import raw_server
from tests.adapters.ssh.test_hostile_servers import Relay
from tests.adapters.sshd import Sshd, free_port, make_key, read_host_key


@pytest.fixture(scope="module")
def access() -> Iterator[SshAccess]:
    access = SshAccess()
    yield access
    access.close()


def test_output_and_exit_code(access: SshAccess, sshd: Sshd) -> None:
    result = access.run_command(
        sshd.door(), command=("sh", "-c", "cat; echo oops >&2; exit 3"), stdin=b"in\x00\xff",
        timeout_seconds=10,
    )  # fmt: skip
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"in\x00\xff", b"oops\n")
    assert not result.cut


@pytest.mark.parametrize(
    "argument",
    ["$(id)", "`id`", "a b", "'", '"', "\n", ";reboot", "-rf", "{{ 7 }}", "\x1b]0;x\x07", "*", ""],
)
def test_arguments_reach_the_command_unchanged(
    access: SshAccess, sshd: Sshd, argument: str
) -> None:
    result = access.run_command(sshd.door(), command=("printf", "%s", argument), timeout_seconds=10)
    assert result.stdout == argument.encode()


def test_connection_is_reused_and_reopened(access: SshAccess, sshd: Sshd) -> None:
    door = replace(sshd.door(), known_as="reuse")
    read_peer = ("sh", "-c", "echo $SSH_CONNECTION")
    first = access.run_command(door, command=read_peer, timeout_seconds=10).stdout
    assert access.run_command(door, command=read_peer, timeout_seconds=10).stdout == first
    kill_session = ("sh", "-c", "kill -9 $PPID")
    with pytest.raises(Unreachable):
        access.run_command(door, command=kill_session, timeout_seconds=10)
    again = access.run_command(door, command=read_peer, timeout_seconds=10).stdout
    assert again not in (b"", first)


def test_long_output_is_cut_but_its_exit_code_kept(access: SshAccess, sshd: Sshd) -> None:
    command = ("sh", "-c", "head -c 3000000 /dev/zero; head -c 100000 /dev/zero >&2; exit 7")
    result = access.run_command(sshd.door(), command=command, timeout_seconds=20)
    assert len(result.stdout) == 1 << 20
    assert len(result.stderr) == 64 << 10
    assert result.cut
    assert result.exit_code == 7


def test_endless_output_is_stopped(access: SshAccess, sshd: Sshd) -> None:
    started = time.monotonic()
    result = access.run_command(sshd.door(), command=("yes",), timeout_seconds=60)
    assert result.cut
    assert result.exit_code == -1
    assert len(result.stdout) == 1 << 20
    assert time.monotonic() - started < 20


def test_endless_stdin_reader_that_ends_early(access: SshAccess, sshd: Sshd) -> None:
    result = access.run_command(
        sshd.door(), command=("head", "-c", "3"), stdin=b"x" * (4 << 20), timeout_seconds=20
    )
    assert (result.exit_code, result.stdout) == (0, b"xxx")


def test_death_by_signal_is_a_result(access: SshAccess, sshd: Sshd) -> None:
    command = ("sh", "-c", "kill -TERM $$")
    result = access.run_command(sshd.door(), command=command, timeout_seconds=10)
    assert result.exit_code == 128 + signal.SIGTERM


def test_hanging_command_ends_at_the_deadline(access: SshAccess, sshd: Sshd) -> None:
    started = time.monotonic()
    with pytest.raises(Unreachable, match=r"within 0\.7 s"):
        access.run_command(
            replace(sshd.door(), known_as="hang"), command=("sleep", "30"), timeout_seconds=0.7
        )
    assert time.monotonic() - started < 3


def test_reset_in_the_middle_of_a_command(access: SshAccess, sshd: Sshd) -> None:
    relay = Relay(sshd.port)
    with raw_server(relay) as server:
        door = replace(sshd.door(), port=server.port)
        access.try_login(door, timeout_seconds=10)
        threading.Timer(0.5, server.close).start()
        with pytest.raises(Unreachable):
            access.run_command(door, command=("sleep", "20"), timeout_seconds=10)


def test_refused_authentication_says_so(access: SshAccess, sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    door = replace(sshd.door(), identity_files=(str(tmp_path / "stranger"),))
    with pytest.raises(Unreachable, match="refused the login of root") as caught:
        access.try_login(door, timeout_seconds=10)
    assert "public key" in caught.value.remedy


def test_user_configuration_leads_nowhere_else(
    access: SshAccess, sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text(
        "Host *\n  Port 1\n  User nobody\n  ProxyCommand false\n  HostName 192.0.2.1\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    access.try_login(replace(sshd.door(), known_as="no config"), timeout_seconds=10)


def test_many_threads_share_one_connection(access: SshAccess, sshd: Sshd) -> None:
    door = replace(sshd.door(), known_as="threads")
    before = sshd.log.count("Accepted publickey")
    results: list[bytes] = []

    def work(number: int) -> None:
        command = ("sh", "-c", f"sleep 0.2; echo {number}")
        results.append(access.run_command(door, command=command, timeout_seconds=20).stdout)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(f"{number}\n".encode() for number in range(8))
    assert sshd.log.count("Accepted publickey") == before + 1


class _PryingServer(asyncssh.SSHServer):
    """Lets everybody in, then asks the client for its agent, its display and a forwarded port."""

    def __init__(self, findings: list[str]) -> None:
        self.findings = findings
        self.connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn

    def begin_auth(self, username: str) -> bool:
        self.findings.append(f"begin_auth {username}")
        return False

    async def pry(self) -> None:
        assert self.connection is not None
        for name, attempt in (
            ("agent", self.connection.open_agent_connection()),
            ("forward", self.connection.open_connection("127.0.0.1", 22, "127.0.0.1", 22)),
        ):
            try:
                await attempt
                self.findings.append(f"{name} OPENED")
            except (asyncssh.ChannelOpenError, OSError) as error:
                self.findings.append(f"{name} refused: {error}")


@pytest.fixture
def prying(tmp_path: Path) -> Iterator[tuple[Door, list[str]]]:
    make_key(tmp_path / "host")
    make_key(tmp_path / "id")
    findings: list[str] = []
    servers: list[_PryingServer] = []

    def make_server() -> _PryingServer:
        servers.append(_PryingServer(findings))
        return servers[-1]

    async def handle(process: asyncssh.SSHServerProcess[str]) -> None:
        findings.append(f"agent requested: {bool(process.channel.get_agent_path())}")
        findings.append(f"environment: {dict(process.env)}")
        findings.append(f"terminal: {process.term_type}")
        await servers[-1].pry()
        process.stdout.write("done")
        process.exit(0)

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    port = free_port("127.0.0.1")
    listening = asyncssh.listen(
        "127.0.0.1", port, server_factory=make_server, process_factory=handle,
        server_host_keys=[str(tmp_path / "host")], agent_forwarding=True, x11_forwarding=True,
    )  # fmt: skip

    async def start() -> asyncssh.SSHAcceptor:
        return await listening

    acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    host_key = read_host_key(tmp_path / "host.pub")
    yield (
        Door("127.0.0.1", port, "root", (host_key,), identity_files=(str(tmp_path / "id"),)),
        findings,
    )
    loop.call_soon_threadsafe(acceptor.close)
    loop.call_soon_threadsafe(loop.stop)


def test_server_gets_no_agent_no_forward_no_environment(
    access: SshAccess, prying: tuple[Door, list[str]], agent: str
) -> None:
    assert agent
    door, findings = prying
    assert access.run_command(door, command=("x",), timeout_seconds=10).stdout == b"done"
    assert "agent requested: False" in findings
    assert "environment: {}" in findings
    assert "terminal: None" in findings
    assert [line for line in findings if "refused" in line] != []
    assert not [line for line in findings if "OPENED" in line]


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    path = tmp_path / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    while not path.exists():
        time.sleep(0.02)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    yield str(path)
    process.terminate()
    process.wait(5)


def add_to_agent(key: Path, passphrase: str = "") -> None:
    ask = key.parent / "ask"
    ask.write_text(f"#!/bin/sh\necho {shlex.quote(passphrase)}\n")
    ask.chmod(0o700)
    environment = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    subprocess.run(["ssh-add", "-q", str(key)], check=True, env=environment)


class TestPublicKeys:
    def test_given_file_has_a_pub_file(self, access: SshAccess, tmp_path: Path) -> None:
        make_key(tmp_path / "id")
        line = (tmp_path / "id.pub").read_text().strip()
        assert access.public_keys((str(tmp_path / "id"),)) == (line,)

    def test_given_file_without_pub_file(self, access: SshAccess, tmp_path: Path) -> None:
        make_key(tmp_path / "id")
        expected = (tmp_path / "id.pub").read_text().split()[:2]
        (tmp_path / "id.pub").unlink()
        assert access.public_keys((str(tmp_path / "id"),))[0].split()[:2] == expected

    def test_agent_comes_before_default_files(
        self, access: SshAccess, agent: str, tmp_path: Path
    ) -> None:
        assert agent
        make_key(tmp_path / "id")
        add_to_agent(tmp_path / "id")
        expected = (tmp_path / "id.pub").read_text().split()[:2]
        assert [line.split()[:2] for line in access.public_keys(())] == [expected]

    def test_default_files_last(
        self, access: SshAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nothing"))
        with pytest.raises(PlanError, match="no SSH key"):
            access.public_keys(())
        (tmp_path / ".ssh").mkdir()
        make_key(tmp_path / ".ssh" / "id_ed25519")
        line = (tmp_path / ".ssh" / "id_ed25519.pub").read_text().strip()
        assert access.public_keys(()) == (line,)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"hello"])
    def test_unusable_file(self, access: SshAccess, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "id").write_bytes(content)
        with pytest.raises(PlanError, match="cannot be used"):
            access.public_keys((str(tmp_path / "id"),))

    def test_missing_file(self, access: SshAccess, tmp_path: Path) -> None:
        with pytest.raises(PlanError, match="cannot be used"):
            access.public_keys((str(tmp_path / "absent"),))


def test_locked_key_is_opened_through_the_agent_only(
    access: SshAccess, sshd: Sshd, agent: str, tmp_path: Path
) -> None:
    assert agent
    make_key(tmp_path / "locked", passphrase="secret words")  # noqa: S106 (made for this test)
    authorized = sshd.directory / "authorized_keys"
    before = authorized.read_text()
    authorized.write_text(before + (tmp_path / "locked.pub").read_text())
    door = replace(sshd.door(), identity_files=(str(tmp_path / "locked"),))
    try:
        with pytest.raises(PlanError, match="needs a passphrase"):
            access.try_login(door, timeout_seconds=10)
        add_to_agent(tmp_path / "locked", "secret words")
        access.try_login(door, timeout_seconds=10)
    finally:
        authorized.write_text(before)


def test_slow_login_has_its_own_deadline() -> None:
    assert login._CONNECT_SECONDS == 10
    assert login._LOGIN_SECONDS == 15
