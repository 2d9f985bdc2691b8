"""Notices on their way to people: a queue of their own, so that a dead channel delays nothing."""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from releve.model.incident import Incident
from releve.ports.notifier import Delivery, Notice, Notifier

MOST_WAITING: Final = 1000

Delivered = Callable[[Incident, Delivery], None]


class Post:
    """One notice after the other; each channel's time is bounded by the notifier."""

    def __init__(
        self, notifier: Notifier, *, pool: ThreadPoolExecutor, delivered: Delivered
    ) -> None:
        self._notifier = notifier
        self._pool = pool
        self._delivered = delivered
        self._queue: asyncio.Queue[tuple[Notice, Incident | None]] = asyncio.Queue(MOST_WAITING)
        self.sent: Counter[str] = Counter()  # by channel
        self.failed: Counter[str] = Counter()

    def send(self, notice: Notice, incident: Incident | None) -> None:
        """Never waits; where a thousand wait, the oldest gives way."""
        if self._queue.full():
            self._queue.get_nowait()
            self._queue.task_done()
        self._queue.put_nowait((notice, incident))

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            notice, incident = await self._queue.get()
            try:
                deliveries = await loop.run_in_executor(self._pool, self._notifier.send, notice)
                for delivery in deliveries:
                    self._count(delivery, incident)
            finally:
                self._queue.task_done()

    async def drain(self, *, within_seconds: float) -> None:
        try:
            async with asyncio.timeout(within_seconds):
                await self._queue.join()
        except TimeoutError:
            return

    def _count(self, delivery: Delivery, incident: Incident | None) -> None:
        (self.failed if delivery.failure else self.sent)[delivery.channel] += 1
        if incident is not None:
            self._delivered(incident, delivery)
