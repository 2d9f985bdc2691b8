"""One watched host for the prober's contract: behind a real sshd, or scripted."""

import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path

from releve.adapters.ssh.prober import SshProber
from releve.model.reading import Lost, Silence
from releve.model.resources import HostKey
from releve.ports.access import Door
from releve.ports.prober import Prober
from tests.adapters.sshd import Sshd, make_key, read_host_key
from tests.fakes.prober import FakeProbedHost, FakeProber


class ProbeRange(ABC):
    prober: Prober
    door: Door

    @abstractmethod
    def other_door(self) -> Door:
        """The same host, of which another key is known."""

    @abstractmethod
    def cut(self) -> None:
        """It falls silent: no program runs and no connection is taken."""

    @abstractmethod
    def mend(self) -> None: ...

    @abstractmethod
    def count_probes(self) -> int:
        """Those that run on the host now."""

    @abstractmethod
    def end(self) -> None: ...


class FakeProbeRange(ProbeRange):
    def __init__(self) -> None:
        key = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFake")
        self.door = Door("192.0.2.7", 22, "root", (key,))
        self._host = FakeProbedHost(key)
        self._fake = FakeProber({self.door.address: self._host})
        self.prober = self._fake

    def other_door(self) -> Door:
        return replace(self.door, host_keys=(HostKey("ssh-ed25519", "AAAAotherotherother"),))

    def cut(self) -> None:
        self._host.speak(Lost(Silence.UNREACHABLE, "the connection was lost"))

    def mend(self) -> None:
        self._host.speak(self._host.reading)

    def count_probes(self) -> int:
        return len(self._fake.running)

    def end(self) -> None:
        pass


class SshProbeRange(ProbeRange):
    def __init__(self, directory: Path) -> None:
        self._sshd = Sshd(directory / "sshd")
        self._sshd.start()
        self._directory = directory
        self.door = self._sshd.door()
        self.prober = SshProber()

    def other_door(self) -> Door:
        make_key(self._directory / "other")
        return self._sshd.door(host_keys=(read_host_key(self._directory / "other.pub"),))

    def cut(self) -> None:
        assert self._sshd.process is not None
        sessions = _descendants(self._sshd.process.pid)
        self._sshd.stop()
        if sessions:
            subprocess.run(["kill", "-KILL", *map(str, sessions)], check=False)

    def mend(self) -> None:
        self._sshd.start()

    def count_probes(self) -> int:
        if self._sshd.process is None:
            return 0
        time.sleep(0.3)  # a connection's end takes a moment to reach the program
        return sum(
            b"closefd" in Path(f"/proc/{process}/cmdline").read_bytes()
            for process in _descendants(self._sshd.process.pid)
            if Path(f"/proc/{process}/exe").exists()
            and Path(f"/proc/{process}/exe").resolve().name.startswith("python")
        )

    def end(self) -> None:
        self._sshd.stop()


def _descendants(process: int) -> list[int]:
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return []
    children = [int(child) for child in text.split()]
    return children + [below for child in children for below in _descendants(child)]
