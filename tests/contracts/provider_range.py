"""The ground on which the contract suite tries one provider."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from releve.ports.clock import Clock
from releve.ports.provider import Provider


class ProviderRange(ABC):
    """Makes by hand what a provider port cannot make, and takes everything away at the end.

    One range serves a whole module; each make_… returns a new resource with a random name.
    """

    provider: Provider
    clock: Clock  # the suite waits with it; fake providers live by it
    network: str  # an existing network, as InstanceRequest.network
    image: str  # exact name of an existing image that boots within patience_seconds
    size: str  # as InstanceRequest.size
    authorized_key: str  # one authorized_keys line
    patience_seconds: float = 60.0  # longest wait for a state that must come

    @abstractmethod
    def make_old_instance(self) -> str:
        """The id of a running, networked instance that Relève did not make: without its labels."""

    @abstractmethod
    def make_volume(self) -> str:
        """The id of an available data volume, on no instance."""

    @abstractmethod
    def make_address(self) -> str:
        """A public address that can move, on no instance."""

    @abstractmethod
    def write_volume(self, volume_id: str, content: bytes) -> None:
        """Leave this content on the volume, by whichever way the range has."""

    @abstractmethod
    def read_volume(self, volume_id: str) -> bytes:
        """The content that write_volume left."""

    @abstractmethod
    def cleanup(self) -> None:
        """Delete all that was made here: by hand above, and by the suite on the provider."""

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Return as soon as it holds; AssertionError with `what` when patience ends."""
        deadline = self.clock.monotonic() + self.patience_seconds
        while not holds():
            assert self.clock.monotonic() < deadline, f"waited in vain until {what}"
            self.clock.sleep(0.2)
