"""The ground on which the contract suite tries one provider."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from releve.errors import Missing
from releve.model.resources import Instance, Power
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
    poll_seconds: float = 0.2  # between two looks

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}  # old instances by place

    @abstractmethod
    def make_old_instance(self, *, from_volume: bool = False) -> str:
        """The id of a running, networked instance that Relève did not make: without its labels.

        `from_volume`: its system disk is a volume, where the provider has such.
        """

    def provide_old_instance(self, place: str, *, from_volume: bool = False) -> str:
        """Like make_old_instance; the one of this place again where a test left it as it was.

        One that was only stopped is started; whatever else was done to one, it is given up.
        """
        if place in self._kept and not self._put_right(self._kept[place]):
            self.give_up_old_instance(self._kept.pop(place))
        if place not in self._kept:
            self._kept[place] = self.make_old_instance(from_volume=from_volume)
        return self._kept[place]

    def give_up_old_instance(self, instance_id: str) -> None:
        """It may be deleted now, or at the end; a test may have deleted it."""
        del instance_id

    def _put_right(self, instance_id: str) -> bool:
        """Whether it is as it was made."""
        try:
            instance = self.provider.get_instance(instance_id)
        except Missing:
            return False
        if not is_untouched(instance):
            return False
        if instance.power is Power.STOPPED:
            self.provider.start_instance(instance_id)
            self.wait_until(lambda: is_idle(self.provider.get_instance(instance_id)), "it runs")
        return True

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
            self.clock.sleep(self.poll_seconds)


def is_untouched(instance: Instance) -> bool:
    """But for its power."""
    is_labelled = any(text for key, text in instance.labels.items() if key.startswith("releve."))
    is_held = instance.locked or bool(instance.busy) or bool(instance.volumes)
    return instance.networked and not is_labelled and not is_held


def is_idle(instance: Instance) -> bool:
    return instance.power is Power.RUNNING and not instance.busy
