"""One process that watches, drills, answers over HTTP and starts runs until asked to stop."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from releve.cli.run_process import RunProcesses, start_drill
from releve.cli.systemd import Systemd
from releve.console.application import Doors
from releve.console.serving import serve_console
from releve.drill.serving import Server
from releve.errors import JournalError, ProviderError, ReleveError, RunHeld
from releve.plan.loading import LoadedPlan
from releve.plan.rereading import PlanReader, Say
from releve.plan.types import Plan
from releve.plan.watch_secrets import read_hook_token, require_watch_secrets
from releve.ports.child import Child
from releve.watch.surroundings import Pace, Surroundings
from releve.watch.watching import Watcher
from releve.wiring import State, surround_watch

LEAVE_SECONDS: Final = 10.0  # for a drill to leave in good order
STUCK_SECONDS: Final = 30.0  # a loop that has not gone round for so long is told to systemd

Answer = TypeVar("Answer")
Surround = Callable[..., Surroundings]  # as `surround_watch`


@dataclass(frozen=True)
class Rhythm:
    """A test may hurry."""

    look_again_seconds: float = 5.0  # at the plan, and for what a watch needs to begin
    watch: Pace = field(default_factory=Pace)


def serve_plan(path: Path, state: State, *, say: Say) -> None:
    """Until SIGTERM or SIGINT; PlanError, RunHeld or what keeps the console from listening."""
    hold_alone(state)
    plans = PlanReader(
        path, require=lambda loaded: require_watch_secrets(loaded, os.environ), say=say
    )
    loaded = plans.load()  # a mistake is told at once, and ends it
    asyncio.run(Service(plans, state, say=say).serve(loaded))


def hold_alone(state: State) -> None:
    """For as long as this process lives."""
    try:
        state.lease.hold(("serve",))
    except RunHeld as error:
        raise RunHeld(
            "another `releve serve` runs with this state",
            why=error.why,
            remedy="End that one first, or set RELEVE_STATE to another directory",
        ) from error


@dataclass(frozen=True)
class Ready:
    """A plan, and all that a watch of it needs."""

    loaded: LoadedPlan
    around: Surroundings


class Service:
    """Each plan that was read has a watch of its own; drills go on beside them."""

    def __init__(
        self,
        plans: PlanReader,
        state: State,
        *,
        say: Say,
        surround: Surround = surround_watch,
        rhythm: Rhythm = Rhythm(),
    ) -> None:
        self._surround = surround
        self._rhythm = rhythm
        self._plans = plans
        self._state = state
        self._say = say
        self._output = state.directory / "output"
        self._starter = RunProcesses(plans.path, output_directory=self._output, say=say)
        self._stopping = asyncio.Event()
        self._drills_stop = threading.Event()
        self._threads = ThreadPoolExecutor(4, "serve")
        self._watcher: Watcher | None = None
        self._waits_for = ""  # why no watch could begin, once that was told

    async def serve(self, loaded: LoadedPlan) -> None:
        systemd = Systemd()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        self._say("serving", {"plan": str(self._plans.path), "pid": os.getpid()})
        systemd.tell("READY=1")
        drilling = asyncio.create_task(self._drill())
        drilling.add_done_callback(lambda _: self.stop())
        pinging = asyncio.create_task(self._ping(systemd))
        try:
            await self._watch_each_plan(loaded)
        finally:
            self.stop()
            systemd.tell("STOPPING=1")
            pinging.cancel()
            await asyncio.wait({drilling}, timeout=LEAVE_SECONDS)
            self._threads.shutdown(wait=False, cancel_futures=True)
        if drilling.done():
            drilling.result()
        self._say("stopped", {})

    def stop(self) -> None:
        """From its own event loop."""
        self._stopping.set()
        self._drills_stop.set()

    async def _drill(self) -> None:
        server = Server(
            self._plans,
            journal=self._state.journal,
            clock=self._state.clock,
            start=self._start_drill,
            say=self._say,
        )
        await self._in_thread(partial(server.serve, self._drills_stop.is_set))

    def _start_drill(self, host: str) -> Child:
        return start_drill(self._plans.path, host, output_directory=self._output, say=self._say)

    async def _watch_each_plan(self, loaded: LoadedPlan) -> None:
        ready: Ready | None = None
        is_first = True
        while not self._stopping.is_set():
            ready = ready or await self._begin(loaded)
            if ready is None:
                read = await self._in_thread(self._plans.read)
                loaded = read or loaded
                continue
            loaded, around = ready.loaded, ready.around
            try:
                ready = await self._watch(ready, must_listen=is_first)
                is_first = False
            except JournalError as error:  # what was open before cannot be read
                ready = None
                await self._wait_with(error)
            finally:
                around.provider.close()

    async def _begin(self, loaded: LoadedPlan) -> Ready | None:
        """None where the provider does not answer: it is asked again in a while."""
        surround = partial(
            self._surround, loaded, state=self._state, starter=self._starter, say=self._say
        )
        beginning = asyncio.ensure_future(self._in_thread(surround))
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({beginning, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.cancel():
            return None
        try:
            around = beginning.result()
        except (ProviderError, JournalError) as error:
            await self._wait_with(error)
            return None
        self._waits_for = ""
        return Ready(loaded, around)

    async def _wait_with(self, error: ReleveError) -> None:
        if self._waits_for != str(error):
            self._waits_for = str(error)
            self._say("watch_waits", {"why": str(error)})
        await self._sleep(self._rhythm.look_again_seconds)

    async def _watch(self, ready: Ready, *, must_listen: bool) -> Ready | None:
        """Until another plan is ready to be watched, or it is asked to stop."""
        is_over, plan = asyncio.Event(), ready.loaded.plan
        watcher = Watcher(plan, ready.around, name="hosts", pace=self._rhythm.watch)
        doors = Doors(
            plan=lambda: plan,
            snapshot=watcher.snapshot,
            suspect=watcher.suspect,
            journal=self._state.journal,
            hook_token=read_hook_token(plan.watch),
        )
        async with AsyncExitStack() as console:
            await self._listen(console, doors, listen=plan.watch.listen, must_listen=must_listen)
            changing = asyncio.create_task(self._await_change(plan, is_over))
            self._watcher = watcher
            try:
                hosts = [host.host for host in watcher.snapshot().hosts]
                self._say("watching", {"hosts": hosts})
                await watcher.watch(is_over)
                return await changing
            finally:
                self._watcher = None
                changing.cancel()

    async def _await_change(self, plan: Plan, is_over: asyncio.Event) -> Ready | None:
        """A plan that cannot be used, or whose provider does not answer, changes nothing."""
        try:
            while not self._stopping.is_set():
                await self._sleep(self._rhythm.look_again_seconds)
                read = await self._in_thread(self._plans.read)
                if read is not None and read.plan != plan and (ready := await self._begin(read)):
                    self._say("plan_changed", {"plan": str(self._plans.path)})
                    return ready
            return None
        finally:
            is_over.set()

    async def _listen(
        self, console: AsyncExitStack, doors: Doors, *, listen: str, must_listen: bool
    ) -> None:
        """A later plan may name an address that is taken: hosts are watched all the same."""
        if not listen:
            return
        try:
            port = await console.enter_async_context(serve_console(doors, listen=listen))
        except ReleveError as error:
            if must_listen:
                raise
            self._say("not_listening", {"why": str(error)})
        else:
            self._say("listening", {"address": f"{listen.rpartition(':')[0]}:{port}"})

    async def _ping(self, systemd: Systemd) -> None:
        """As long as the watch goes round, or waits for what it needs."""
        while systemd.ping_seconds:
            watcher = self._watcher
            if watcher is None or watcher.snapshot().since_turn_seconds < STUCK_SECONDS:
                systemd.tell("WATCHDOG=1")
            await asyncio.sleep(systemd.ping_seconds)

    async def _sleep(self, seconds: float) -> None:
        """Or until it is asked to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _in_thread(self, ask: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
