"""The notifier port: remembers what it was given, and fails by channel as it is told."""

from collections.abc import Mapping, Sequence

from releve.ports.notifier import Delivery, Notice, Notifier


class FakeNotifier(Notifier):
    def __init__(
        self, channels: Sequence[str] = ("team",), *, failures: Mapping[str, str] | None = None
    ) -> None:
        """`failures`: channel to the reason why it takes nothing."""
        self.channels = tuple(channels)
        self.failures = dict(failures or {})
        self.sent: list[Notice] = []  # in order, whatever became of them

    def send(self, notice: Notice) -> tuple[Delivery, ...]:
        self.sent.append(notice)
        return tuple(Delivery(name, self.failures.get(name, "")) for name in self.channels)

    def received(self, channel: str) -> list[Notice]:
        return [] if channel in self.failures else list(self.sent)
