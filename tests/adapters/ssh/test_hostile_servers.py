"""F22, F23, F24, F47 at the SSH door: what a server may do to us, and that it gets nothing."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from releve.adapters.ssh import login
from releve.adapters.ssh.access import SshAccess
from releve.errors import HostKeyMismatch, PlanError, Unreachable
from releve.model.resources import HostKey
from releve.ports.access import Door
from tests.adapters.ssh import raw_server
from tests.adapters.sshd import Sshd, free_port, make_key, read_host_key


@pytest.fixture
def access(monkeypatch: pytest.MonkeyPatch) -> Iterator[SshAccess]:
    monkeypatch.setattr(login, "_LOGIN_SECONDS", 2.0)
    monkeypatch.setattr(login, "_CONNECT_SECONDS", 1.0)
    access = SshAccess()
    yield access
    access.close()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    make_key(tmp_path / "id")
    return tmp_path / "id"


def door_to(port: int, key: Path, *, address: str = "127.0.0.1") -> Door:
    host_key = read_host_key(key.with_suffix(".pub"))
    return Door(address, port, "root", (host_key,), identity_files=(str(key),))


@pytest.mark.parametrize(
    "script",
    [
        raw_server.say_nothing,
        raw_server.drip,
        raw_server.flood,
        raw_server.one_long_line,
        raw_server.talk_garbage,
        raw_server.talk_http,
        raw_server.hang_up,
        raw_server.silent_after_banner,
    ],
)
def test_no_ssh_server_is_unreachable_and_bounded(
    access: SshAccess, key: Path, script: raw_server.Script
) -> None:
    with raw_server.raw_server(script) as server:
        started = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            access.try_login(door_to(server.port, key), timeout_seconds=20)
        assert time.monotonic() - started < 4
        assert caught.value.remedy
        assert server.connections == 1


def test_refused_connection_is_unreachable(access: SshAccess, key: Path) -> None:
    with pytest.raises(Unreachable, match="no SSH connection"):
        access.try_login(door_to(free_port("127.0.0.1"), key), timeout_seconds=5)


def test_full_backlog_ends_at_the_connect_deadline(access: SshAccess, key: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)  # noqa: FBT003 (a socket method)
            filler.connect_ex(("127.0.0.1", port))
        started = time.monotonic()
        with pytest.raises(Unreachable, match="in time"):
            access.try_login(door_to(port, key), timeout_seconds=20)
        assert time.monotonic() - started < 4
        for filler in fillers:
            filler.close()


def test_total_deadline_beats_the_login_deadline(access: SshAccess, key: Path) -> None:
    with raw_server.raw_server(raw_server.say_nothing) as server:
        started = time.monotonic()
        with pytest.raises(Unreachable, match=r"within 0\.5 s"):
            access.try_login(door_to(server.port, key), timeout_seconds=0.5)
        assert time.monotonic() - started < 1.5


class Relay:
    """Passes bytes on to a real sshd and keeps the number of those the client sent."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.from_client = b""

    def __call__(self, client: socket.socket) -> None:
        upstream = socket.create_connection(("127.0.0.1", self.target))
        threading.Thread(target=self._down, args=(upstream, client), daemon=True).start()
        while received := client.recv(65536):
            self.from_client += received
            upstream.sendall(received)
        upstream.close()

    def _down(self, upstream: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while received := upstream.recv(65536):
                client.sendall(received)


def test_wrong_host_key_gets_no_authentication(access: SshAccess, sshd: Sshd, key: Path) -> None:
    """The fake's transcript ends before NEWKEYS; sshd's own log has no authentication line."""
    relay = Relay(sshd.port)
    lines_before = sshd.log.count("\n")
    with raw_server.raw_server(relay) as server:
        wrong = Door(
            "127.0.0.1",
            server.port,
            "root",
            (read_host_key(key.with_suffix(".pub")),),
            identity_files=(sshd.identity,),
        )
        started = time.monotonic()
        with pytest.raises(HostKeyMismatch, match="not the proven one"):
            access.try_login(wrong, timeout_seconds=20)
        assert time.monotonic() - started < 2
        time.sleep(0.3)
    news = "\n".join(sshd.log.splitlines()[lines_before:])
    assert "Connection from" in news
    for word in ("Accepted", "Failed", "publickey", "Postponed", "Authenticating user", "root"):
        assert word not in news.replace("preauth", "")
    assert b"ssh-userauth" not in relay.from_client
    assert relay.from_client.startswith(b"SSH-2.0-")


def test_server_without_the_proven_algorithm_is_a_mismatch(
    access: SshAccess, sshd: Sshd, tmp_path: Path
) -> None:
    make_key(tmp_path / "ecdsa", kind="ecdsa")
    door = sshd.door(host_keys=(read_host_key(tmp_path / "ecdsa.pub"),))
    with pytest.raises(HostKeyMismatch):
        access.try_login(door, timeout_seconds=10)


@pytest.mark.parametrize("host_keys", [(), (HostKey("ssh-ed25519", "AAAA"),)])
def test_door_without_usable_host_key_is_never_opened(
    access: SshAccess, key: Path, host_keys: tuple[HostKey, ...]
) -> None:
    with raw_server.raw_server(raw_server.say_nothing) as server:
        door = Door("127.0.0.1", server.port, "root", host_keys, identity_files=(str(key),))
        with pytest.raises(PlanError, match="cannot be reached safely"):
            access.try_login(door, timeout_seconds=5)
        assert server.connections == 0
