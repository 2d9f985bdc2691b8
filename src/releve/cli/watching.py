"""The watch in sight of a person: from the first look to the last word."""

import asyncio
import signal
from contextlib import suppress
from functools import partial
from typing import Final

from releve.cli.watch_screen import Beside, open_screen
from releve.errors import ReleveError
from releve.model.incident import Incident
from releve.plan.loading import LoadedPlan
from releve.watch.viewing import SeenHost, View
from releve.wiring import State, open_senses

BESIDE_SECONDS: Final = 3.0  # between two looks at what `releve serve` keeps


def look_at_hosts(loaded: LoadedPlan, state: State, *, once: bool, as_json: bool) -> list[SeenHost]:
    """Each host as it was seen last; ProviderError where its provider does not answer."""
    return asyncio.run(_look(loaded, state, once=once, as_json=as_json))


async def _look(loaded: LoadedPlan, state: State, *, once: bool, as_json: bool) -> list[SeenHost]:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    beside = await asyncio.to_thread(look_beside, state)
    screen = open_screen(beside, state.clock, as_json=as_json, once=once)
    senses = await asyncio.to_thread(
        partial(open_senses, loaded, clock=state.clock, say=screen.tell)
    )
    view = View(loaded.plan, senses)
    with screen.showing(view.hosts):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_keep_beside(beside, state))]
            if once:
                tasks.append(group.create_task(_stop_once_settled(view, stop)))
            await view.look(stop)
            for task in tasks:
                task.cancel()
    senses.provider.close()
    if once:
        screen.conclude(view.hosts())
    return view.hosts()


async def _stop_once_settled(view: View, stop: asyncio.Event) -> None:
    await view.settle(within_seconds=view.first_verdicts_seconds)
    stop.set()


async def _keep_beside(beside: Beside, state: State) -> None:
    while True:
        await asyncio.sleep(BESIDE_SECONDS)
        found = await asyncio.to_thread(look_beside, state)
        beside.is_served, beside.incidents = found.is_served, found.incidents


def look_beside(state: State) -> Beside:
    """Nothing where it cannot be read: the hosts are looked at all the same."""
    with suppress(ReleveError):
        is_served = state.lease.is_held("serve")
        found = state.incidents.list_incidents(only_open=True) if is_served else ()
        return Beside(is_served, {one.host: one for one in sorted(found, key=is_death)})
    return Beside()


def is_death(incident: Incident) -> bool:
    """It hides the others of its host."""
    return incident.verdict.is_dead
