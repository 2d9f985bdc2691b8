"""A real OpenSSH sshd on loopback, with its own host key and one authorized key."""

import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from releve.model.resources import HostKey
from releve.ports.access import Door

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin")


@dataclass
class Sshd:
    """Started by `start`; `stop` ends the listener and every session it forked."""

    directory: Path
    address: str = "127.0.0.1"
    port: int = 0
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("host_key", "identity"):
            if not (self.directory / name).exists():
                make_key(self.directory / name)
        authorized = self.directory / "authorized_keys"
        authorized.write_text((self.directory / "identity.pub").read_text())
        authorized.chmod(0o600)
        self.port = self.port or free_port(self.address)
        config = self.directory / "sshd_config"
        config.write_text("\n".join([*self._settings(), *self.options, ""]))
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        log = self.directory / "sshd.log"
        assert SSHD is not None
        self.process = subprocess.Popen([SSHD, "-D", "-f", str(config), "-E", str(log)])
        wait_for_port(self.address, self.port)

    def _settings(self) -> list[str]:
        return [
            f"ListenAddress {self.address}:{self.port}",
            f"HostKey {self.directory / 'host_key'}",
            f"AuthorizedKeysFile {self.directory / 'authorized_keys'}",
            "PidFile none",
            "PermitRootLogin yes",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UsePAM no",
            "StrictModes no",
            "LogLevel VERBOSE",
            "MaxStartups 100",
            "Subsystem sftp internal-sftp",
            "SetEnv PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        ]

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    @property
    def log(self) -> str:
        return (self.directory / "sshd.log").read_text(errors="replace")

    @property
    def identity(self) -> str:
        return str(self.directory / "identity")

    @property
    def host_key(self) -> HostKey:
        return read_host_key(self.directory / "host_key.pub")

    def door(self, *, host_keys: tuple[HostKey, ...] = (), known_as: str = "") -> Door:
        return Door(
            address=self.address,
            port=self.port,
            user="root",
            host_keys=host_keys or (self.host_key,),
            identity_files=(self.identity,),
            known_as=known_as,
        )


def make_key(path: Path, *, kind: str = "ed25519", passphrase: str = "") -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", str(path)],
        check=True,
    )


def read_host_key(path: Path) -> HostKey:
    algorithm, public = path.read_text().split()[:2]
    return HostKey(algorithm, public)


def free_port(address: str) -> int:
    with socket.socket() as listener:
        listener.bind((address, 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for_port(address: str, port: int, *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on {address}:{port}")
