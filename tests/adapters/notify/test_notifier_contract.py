"""What every notifier must hold to; the fake and apprise alike."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from releve.adapters.notify.notifier import AppriseNotifier, Channel
from releve.ports.notifier import Notice, Notifier, Tone
from tests.adapters.notify.receivers import WebReceiver, refusing, serving
from tests.fakes.notifier import FakeNotifier

FIRST = Notice(
    "i-20261126-031500-blog",
    "blog: its root cannot be written",
    "It is confirmed.\nNext: releve recover blog",
    Tone.FAILURE,
    is_first=True,
)


@dataclass
class Place:
    """Two channels, `team` and `pager`, and a third one, `broken`, that takes nothing."""

    notifier: Notifier
    web: WebReceiver | None

    def titles(self) -> list[str]:
        if self.web is not None:
            return [body["title"] for body in self.web.bodies]
        assert isinstance(self.notifier, FakeNotifier)
        return [
            notice.title
            for channel in ("team", "pager", "broken")
            for notice in self.notifier.received(channel)
        ]


@pytest.fixture(scope="module", params=["fake", "apprise"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "fake":
        names = ("team", "broken", "pager")
        yield Place(FakeNotifier(names, failures={"broken": "it refuses"}), None)
        return
    web = WebReceiver()
    with ExitStack() as stack:
        stack.enter_context(serving(web))
        urls = {
            "team": f"json://{web.url}/team",
            "broken": f"json://{refusing()}/x",
            "pager": f"json://{web.url}/pager",
        }
        channels = [Channel(name, url) for name, url in urls.items()]
        yield Place(AppriseNotifier(channels, seconds=10), web)


def test_each_channel_is_told_and_accounted_for(place: Place) -> None:
    deliveries = place.notifier.send(FIRST)
    assert [delivery.channel for delivery in deliveries] == ["team", "broken", "pager"]
    assert [bool(delivery.failure) for delivery in deliveries] == [False, True, False]
    assert place.titles() == [FIRST.title] * 2
