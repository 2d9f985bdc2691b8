"""A recovery at a real control plane, killed with SIGKILL at every hook of every step.

One run lives on through all the kills: each life is cut at the next instant of the list, and the
last one ends by itself. What is then counted is the cloud's own state, and what passed the proxy.
"""

import os
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from releve.workflow.hooks import INSTANTS, Strike
from tests.crash.harness import Kill, Life, Point, live_once
from tests.openstack.acts import ACTS
from tests.openstack.faults import Fault, Where
from tests.openstack.guests import get_guest
from tests.openstack.play import Stage, Trouble, find_made, require_done, write_rows
from tests.openstack.recovery import MOUNTS, Controller, open_journal

pytestmark = [
    pytest.mark.real,
    pytest.mark.xdist_group("openstack"),
    pytest.mark.timeout(900),
]
MOST_LIVES: Final = 120
_PID: Final = "pid"
ACTING: Final = frozenset(
    {"confirm", "mark", "fence", "reserve_port", "create_instance", "snapshot_volumes"}
    | {"detach_volumes", "attach_volumes", "mount_volumes", "converge", "verify", "cut_over"}
    | {"verify_outside", "quarantine", "promote"}
)
LOOKING: Final = frozenset(
    {"gates", "preconditions", "await_volumes", "await_instance", "await_access", "close"}
)


def live(directory: Path, strike: Strike) -> str:
    (directory / _PID).write_text(str(os.getpid()))
    return Controller(directory, strike=strike).drive().state.value


def test_killed_at_every_hook_it_does_nothing_twice(stage: Stage) -> None:
    # before its intent a step is where the step before it left it
    survived = frozenset(Point(step, "before_intent") for step in ACTING | LOOKING)
    lives: list[Life] = []
    while not lives or lives[-1].killed:
        assert len(lives) < MOST_LIVES, "the run does not come nearer to its end"
        lives.append(live_once(live, stage.directory, kill=Kill(survived=survived)))
        survived |= {lives[-1].points[-1]} if lives[-1].killed else set()
    record = open_journal(stage.directory).list_runs()[0]
    require_killed_everywhere(survived)
    require_done(stage, record)
    require_each_effect_once(stage, find_made(stage, record))
    kills = sum(life.killed for life in lives)
    killed = Trouble("all-F03", f"SIGKILL at {kills} hooks, each time resumed", ())
    write_rows(stage, [killed], record)


def test_killed_inside_each_request_it_sends_none_again(stage: Stage) -> None:
    """The cloud has accepted it; nobody is left to read the answer."""

    def kill() -> None:
        with suppress(ProcessLookupError):  # two requests at once: the other one's kill came first
            os.kill(int((stage.directory / _PID).read_text()), signal.SIGKILL)

    troubles = [
        Trouble(
            f"{row}-F03",
            "SIGKILL while the request is under way, done",
            (Fault(where, "reset", done=True, after=kill),),
        )
        for row, where in ACTS.items()
    ]
    stage.proxy.arm(*(fault for trouble in troubles for fault in trouble.faults))
    lives: list[Life] = []
    while not lives or lives[-1].killed:
        assert len(lives) <= len(ACTS), "a life ended by something else"
        lives.append(live_once(live, stage.directory))
    assert [trouble.cell for trouble in troubles if not trouble.is_met] == []
    record = open_journal(stage.directory).list_runs()[0]
    require_done(stage, record)
    require_each_effect_once(stage, find_made(stage, record))
    write_rows(stage, troubles, record)


def require_killed_everywhere(survived: frozenset[Point]) -> None:
    """Beside what runs at the same time a step may have acted in a life that another one cut."""
    killed = {(point.step, point.instant) for point in survived}
    for step in ACTING | LOOKING:
        assert (step, "after_commit") in killed, step
    for instant in ("after_intent", "after_effect"):
        struck = {step for step, where in killed if where == instant}
        assert len(ACTING - struck) <= 2, f"never killed {instant}: {ACTING - struck}"
    assert set(INSTANTS) == {instant for _step, instant in killed}


def require_each_effect_once(stage: Stage, new: str) -> None:
    """Counted at the services' door, and in the guests."""
    proxy, old = stage.proxy, stage.ground.old
    accepted = Counter(
        row
        for request, outcome in proxy.requests
        for row, where in ACTS.items()
        if where.matches(request) and (outcome.startswith("2") or "done: 2" in outcome)
    )
    volumes = len(MOUNTS)
    assert accepted["S08"] == 1
    assert accepted["S07"] == 1
    assert accepted["S06"] == 1
    assert accepted["S17"] == 1
    assert accepted["S05"] == accepted["S11"] == accepted["S13"] == volumes
    assert proxy.count(Where("DELETE", "/servers/[^/]+").matches) == 0
    seen = Counter(event["event"] for event in get_guest(stage.tenant.plane, old).events())
    assert (seen["power_off"], seen["detach_volume"]) == (1, volumes)
    seen = Counter(event["event"] for event in get_guest(stage.tenant.plane, new).events())
    assert (seen["spawn"], seen["attach_volume"]) == (1, volumes)
