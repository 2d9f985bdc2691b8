"""Looks at hosts from outside, at the provider, and at the controls; bounded in number and time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from releve.errors import ProviderError, ReleveError
from releve.model.reading import OutsideReading, ProviderReading
from releve.plan.durations import parse_duration
from releve.plan.types import HostPlan
from releve.ports.checker import Vantage
from releve.watch.doors import read_power
from releve.watch.storm_guard import Controls
from releve.watch.surroundings import Senses

LONGEST_CHECK: Final = "5s"  # a host that answers later does not serve
AT_ONCE: Final = 16  # checks of so many hosts, and other calls that block
PROVIDER_AT_ONCE: Final = 4
KNOCKS_AT_ONCE: Final = 64
PROVIDER_FRESH_SECONDS: Final = 60.0
NOWHERE: Final = "watch.nowhere"  # a name that no instance has: the question alone matters

Answer = TypeVar("Answer")


class Lookout:
    def __init__(self, around: Senses, *, outside: str) -> None:
        """`outside`: address:port of the plan's control; empty: there is none."""
        self._around = around
        self._outside = outside
        self._pool = ThreadPoolExecutor(AT_ONCE, "watch-look")
        self._knocks = asyncio.Semaphore(KNOCKS_AT_ONCE)
        self._asking = asyncio.Semaphore(PROVIDER_AT_ONCE)
        self._provider_answered: tuple[float, bool] | None = None

    async def in_thread(self, ask: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._pool, ask)

    def close(self) -> None:
        """Waits for nothing: what is under way is bounded by its own time."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def look_from_outside(
        self, plan: HostPlan, *, address: str, port: int
    ) -> OutsideReading | None:
        """None where the looking itself failed, which says nothing of the host."""
        vantage = Vantage("public address", plan.address, None)
        checks = outside_checks(plan)
        run_checks = self._around.checker.run_checks
        try:
            results, answers = await asyncio.gather(
                self.in_thread(lambda: run_checks(checks, vantage=vantage)),
                self._knock(address, port),
            )
        except (ReleveError, OSError) as error:
            self._around.say("checks_not_made", {"address": plan.address, "why": str(error)})
            return None
        return OutsideReading(results, answers)

    async def ask_provider(self, host: str, plan: HostPlan) -> ProviderReading:
        async with self._asking:
            reading = await self.in_thread(lambda: read_power(self._around.provider, host, plan))
        self._remember_provider(answers=reading.power != "unknown" or not reading.reason)
        return reading

    async def measure_controls(self, *, healthy_host: bool | None) -> Controls:
        """Each asked now, or within the last minute; what is not configured is not known."""
        provider, outside = await asyncio.gather(self._is_provider_there(), self._is_world_there())
        return Controls(provider, outside, healthy_host)

    async def _is_provider_there(self) -> bool:
        answered, now = self._provider_answered, self._around.clock.monotonic()
        if answered is not None and now - answered[0] < PROVIDER_FRESH_SECONDS:
            return answered[1]
        provider = self._around.provider
        try:
            async with self._asking:
                await self.in_thread(lambda: provider.find_instances(name=NOWHERE))
        except ProviderError:
            return self._remember_provider(answers=False)
        return self._remember_provider(answers=True)

    async def _is_world_there(self) -> bool | None:
        if not self._outside:
            return None
        address, _, port = self._outside.rpartition(":")
        return await self._knock(address.strip("[]"), int(port))

    async def _knock(self, address: str, port: int) -> bool:
        async with self._knocks:
            return await self._around.knock(address, port)

    def _remember_provider(self, *, answers: bool) -> bool:
        self._provider_answered = (self._around.clock.monotonic(), answers)
        return answers


def outside_checks(plan: HostPlan) -> list[dict[str, Any]]:
    """Those that need no shell, with less patience than a run has."""
    checks = [check.model_dump(mode="json") for check in plan.checks]
    chosen = [check for check in checks if "http" in check or "tcp" in check]
    for check in chosen:
        check["timeout"] = min(check["timeout"], LONGEST_CHECK, key=parse_duration)
    return chosen
