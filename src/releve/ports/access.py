"""A shell on an instance, over SSH with a proven host key."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from releve.model.resources import HostKey


@dataclass(frozen=True)
class Door:
    """Where and as whom to reach an instance; without proven host keys there is no door."""

    address: str  # an IP address from the provider, never a name
    port: int
    user: str
    host_keys: tuple[HostKey, ...]
    identity_files: tuple[str, ...] = ()  # empty: the agent and the user's default keys
    known_as: str = ""  # HostKeyAlias: the instance id


def as_root(door: Door, *command: str) -> tuple[str, ...]:
    """For what others than whom one logs in as may not read."""
    return command if door.user == "root" else ("sudo", "-n", *command)


@dataclass(frozen=True)
class CommandResult:
    exit_code: int
    stdout: bytes  # bounded to 1 MiB
    stderr: bytes  # bounded to 64 KiB
    cut: bool = False  # True where a bound was reached


@dataclass(frozen=True)
class StreamLimits:
    seconds: float  # for the whole command
    silent_seconds: float  # without a byte of output
    stdout_bytes: int


class Access(ABC):
    @abstractmethod
    def try_login(self, door: Door, *, timeout_seconds: float) -> None:
        """Return once a command has run; Unreachable, or HostKeyMismatch at once."""

    @abstractmethod
    def run_command(
        self, door: Door, *, command: tuple[str, ...], stdin: bytes = b"", timeout_seconds: float
    ) -> CommandResult:
        """Run argv quoted for the remote shell; a non-zero exit is a result, not an error."""

    @abstractmethod
    def stream_command(
        self,
        door: Door,
        *,
        command: tuple[str, ...],
        stdin: bytes,
        limits: StreamLimits,
        take: Callable[[bytes], None],
    ) -> CommandResult:
        """As run_command, but stdout goes to `take` in pieces as it comes, none over 64 KiB.

        The command is ended, and `cut` is True, where a limit is reached; an error that `take`
        raises ends it too and is raised as it is.
        """

    @abstractmethod
    def public_keys(self, identity_files: tuple[str, ...]) -> tuple[str, ...]:
        """The authorized_keys lines that let this controller in; agent, given or default keys."""
