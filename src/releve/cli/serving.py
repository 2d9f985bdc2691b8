"""One process that watches, drills, answers over HTTP and starts runs until asked to stop."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
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
from releve.plan.watch_secrets import read_hook_token, require_watch_secrets
from releve.ports.child import Child
from releve.watch.surroundings import Surroundings
from releve.watch.watching import Watcher
from releve.wiring import State, surround_watch

REREAD_SECONDS: Final = 5.0  # between two looks at the plan
AGAIN_SECONDS: Final = 5.0  # before what cannot be begun is tried again
STUCK_SECONDS: Final = 30.0  # a loop that has not gone round for so long is told to systemd

Answer = TypeVar("Answer")


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


class Service:
    """Each plan that was read has a watch of its own; drills go on beside them."""

    def __init__(self, plans: PlanReader, state: State, *, say: Say) -> None:
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
            loop.add_signal_handler(number, self._stop)
        self._say("serving", {"plan": str(self._plans.path), "pid": os.getpid()})
        systemd.tell("READY=1")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._drill())
                pinging = group.create_task(self._ping(systemd))
                await self._watch_each_plan(loaded)
                self._stop()
                pinging.cancel()
        finally:
            self._stop()
            systemd.tell("STOPPING=1")
            self._threads.shutdown(wait=False, cancel_futures=True)
        self._say("stopped", {})

    def _stop(self) -> None:
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
        is_first = True
        while not self._stopping.is_set():
            around = await self._begin(loaded)
            if around is None:
                continue
            try:
                loaded = await self._watch(loaded, around, must_listen=is_first)
                is_first = False
            except JournalError as error:  # what was open before cannot be read
                await self._wait_with(error)
            finally:
                around.provider.close()

    async def _begin(self, loaded: LoadedPlan) -> Surroundings | None:
        """None where the provider does not answer: it is asked again in a while."""
        surround = partial(
            surround_watch, loaded, state=self._state, starter=self._starter, say=self._say
        )
        try:
            around = await self._in_thread(surround)
        except (ProviderError, JournalError) as error:
            await self._wait_with(error)
            return None
        self._waits_for = ""
        return around

    async def _wait_with(self, error: ReleveError) -> None:
        if self._waits_for != str(error):
            self._waits_for = str(error)
            self._say("watch_waits", {"why": str(error)})
        await self._sleep(AGAIN_SECONDS)

    async def _watch(
        self, loaded: LoadedPlan, around: Surroundings, *, must_listen: bool
    ) -> LoadedPlan:
        """Until the plan changes; the new one."""
        is_over = asyncio.Event()
        watcher = Watcher(loaded.plan, around, name="hosts")
        async with self._console(loaded, watcher, must_listen=must_listen):
            changing = asyncio.create_task(self._await_change(loaded, is_over))
            self._watcher = watcher
            try:
                hosts = [host.host for host in watcher.snapshot().hosts]
                self._say("watching", {"hosts": hosts})
                await watcher.watch(is_over)
                return await changing
            finally:
                self._watcher = None
                changing.cancel()

    async def _await_change(self, loaded: LoadedPlan, is_over: asyncio.Event) -> LoadedPlan:
        """A plan that cannot be used changes nothing: the last good one holds."""
        try:
            while not self._stopping.is_set():
                await self._sleep(REREAD_SECONDS)
                read = await self._in_thread(self._plans.read)
                if read is not None and read.plan != loaded.plan:
                    self._say("plan_changed", {"plan": str(self._plans.path)})
                    return read
            return loaded
        finally:
            is_over.set()

    @asynccontextmanager
    async def _console(
        self, loaded: LoadedPlan, watcher: Watcher, *, must_listen: bool
    ) -> AsyncIterator[None]:
        watch = loaded.plan.watch
        if not watch.listen:
            yield
            return
        doors = Doors(
            plan=lambda: loaded.plan,
            snapshot=watcher.snapshot,
            suspect=watcher.suspect,
            journal=self._state.journal,
            hook_token=read_hook_token(watch),
        )
        console = serve_console(doors, listen=watch.listen)
        try:
            port = await console.__aenter__()
        except ReleveError as error:
            if must_listen:
                raise
            self._say("not_listening", {"why": str(error)})
            yield
            return
        address = watch.listen.rpartition(":")[0]
        self._say("listening", {"at_address": f"{address}:{port}"})
        try:
            yield
        finally:
            await console.__aexit__(None, None, None)

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
