"""GET /metrics, GET /healthz, POST /hooks/alert; nothing else, and no run is started from here."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from releve.console.hook import AlertHook, Suspect
from releve.console.last_runs import FreshRuns, RunHistory
from releve.console.metrics import CONTENT_TYPE, Measured, render
from releve.plan.types import Plan
from releve.ports.journal import Journal
from releve.watch.snapshot import WatchSnapshot

ALIVE_SECONDS: Final = 30.0  # the watch's loop goes round once a second or so
AGAIN_SECONDS: Final = 1.0  # the same metrics for whoever asks again within it
LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Doors:
    """What the console sees of the watch; all of it is called in the watch's own event loop."""

    plan: Callable[[], Plan]
    snapshot: Callable[[], WatchSnapshot]
    suspect: Suspect
    journal: Journal
    hook_token: str = ""  # empty: the hook is closed


def build_application(doors: Doors, *, only_loopback: bool) -> Starlette:
    """`only_loopback`: a page in a browser here must not get in by another name of 127.0.0.1."""
    hook = AlertHook(doors.hook_token, plan=doors.plan, suspect=doors.suspect)
    history = RunHistory(doors.journal, hosts=lambda: doors.plan().hosts)
    metrics = Metrics(doors, runs=FreshRuns(history.look), hook=hook)
    names = list(LOOPBACK_NAMES) if only_loopback else ["*"]
    return Starlette(
        routes=[
            Route("/metrics", metrics.show, methods=["GET"]),
            Route("/healthz", partial(show_health, doors.snapshot), methods=["GET"]),
            Route("/hooks/alert", hook.take, methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=names)],
    )


class Metrics:
    """One scrape at a time; they are written in a thread, so that the watch goes on meanwhile."""

    def __init__(self, doors: Doors, *, runs: FreshRuns, hook: AlertHook) -> None:
        self._doors = doors
        self._runs = runs
        self._hook = hook
        self._turn = asyncio.Lock()
        # Of its own: the loop's shared threads may all be held by what hangs.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        self._text = b""
        self._written_at = float("-inf")

    async def show(self, _request: Request) -> Response:
        async with self._turn:
            if time.monotonic() - self._written_at < AGAIN_SECONDS:
                return Response(self._text, media_type=CONTENT_TYPE)
            runs = await self._runs.read()
            measured = Measured(
                snapshot=self._doors.snapshot(),
                runs=runs,
                is_journal_readable=self._runs.is_readable,
                hook=dict(self._hook.counts),
            )
            loop = asyncio.get_running_loop()
            self._text = await loop.run_in_executor(self._thread, render, measured)
            self._written_at = time.monotonic()
            return Response(self._text, media_type=CONTENT_TYPE)


async def show_health(snapshot: Callable[[], WatchSnapshot], _request: Request) -> Response:
    """200 while the watch's loop goes round, else 503."""
    age = snapshot().since_turn_seconds
    is_alive = age < ALIVE_SECONDS
    answer = {"alive": is_alive, "since_turn_seconds": round(age, 1)}
    return JSONResponse(answer, 200 if is_alive else 503)
