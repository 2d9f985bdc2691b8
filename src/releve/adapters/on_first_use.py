"""Adapters whose libraries take long to import, loaded in the step that first needs them.

A recovery decides while they load: its other steps wait for the provider and for Ansible then.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

from releve.model.checks import CheckResult
from releve.model.run import Output
from releve.ports.access import Access, CommandResult, Door, StreamLimits
from releve.ports.checker import Checker, Vantage

Adapter = TypeVar("Adapter")


class _Once(Generic[Adapter]):
    """One adapter, whichever of the threads comes first."""

    def __init__(self, load: Callable[[], Adapter]) -> None:
        self._load = load
        self._lock = Lock()
        self._loaded: Adapter | None = None

    def get(self) -> Adapter:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded


class AccessOnFirstUse(Access):
    def __init__(self, load: Callable[[], Access]) -> None:
        self._once = _Once(load)

    def try_login(self, door: Door, *, timeout_seconds: float) -> None:
        self._once.get().try_login(door, timeout_seconds=timeout_seconds)

    def run_command(
        self, door: Door, *, command: tuple[str, ...], stdin: bytes = b"", timeout_seconds: float
    ) -> CommandResult:
        return self._once.get().run_command(
            door, command=command, stdin=stdin, timeout_seconds=timeout_seconds
        )

    def stream_command(
        self,
        door: Door,
        *,
        command: tuple[str, ...],
        stdin: bytes,
        limits: StreamLimits,
        take: Callable[[bytes], None],
    ) -> CommandResult:
        return self._once.get().stream_command(
            door, command=command, stdin=stdin, limits=limits, take=take
        )

    def public_keys(self, identity_files: tuple[str, ...]) -> tuple[str, ...]:
        return self._once.get().public_keys(identity_files)


class CheckerOnFirstUse(Checker):
    def __init__(self, load: Callable[[], Checker]) -> None:
        self._once = _Once(load)

    def run_checks(self, checks: Sequence[Output], *, vantage: Vantage) -> tuple[CheckResult, ...]:
        return self._once.get().run_checks(checks, vantage=vantage)
