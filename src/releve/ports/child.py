"""A run in a process of its own, so that it can be left without waiting for it."""

from abc import ABC, abstractmethod


class Child(ABC):
    @abstractmethod
    def poll(self) -> int | None:
        """Its exit code, once it has ended."""

    @abstractmethod
    def stop(self, *, within_seconds: float) -> None:
        """Ask it to leave; end it when it does not. Its run can be gone on with."""
