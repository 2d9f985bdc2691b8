"""Runs a scenario in child processes that are killed with SIGKILL, and lives it again.

A scenario is one life of a run: a function that can be pickled, given a directory that holds
everything that outlives a process, and a `Strike` to hand to the engine. It returns the state
in which the run is when the life ends by itself.

    for point in points_of(scenario, directory_for("whole")):
        lives = survive(scenario, directory_for(point), kills=[Kill(point)])

The first `survive` with no kill tells all the points; pairs are `kills=[Kill(a), Kill(b)]`.
"""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from releve.workflow.hooks import Strike

Scenario = Callable[[Path, Strike], str]

LONGEST_LIFE_SECONDS = 60.0
_STRIKES = "strikes.log"
_ENDING = "ending"

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        "releve.workflow.engine",
        "tests.workflow.toy",
        "tests.matrix.controller",
        "tests.openstack.recovery",
        "pytest",
    ]
)


@dataclass(frozen=True)
class Point:
    """Where a life may be cut: an instant of a step, and the how-many-th time it is passed."""

    step: str
    instant: str
    occurrence: int = 1

    def __str__(self) -> str:
        again = f"#{self.occurrence}" if self.occurrence > 1 else ""
        return f"{self.step}.{self.instant}{again}"


@dataclass(frozen=True)
class Kill:
    """At a named point, or at the n-th strike of the life, whatever that is."""

    point: Point | None = None
    number: int = 0
    survived: frozenset[Point] | None = None  # not None: at the first point that is not of these


@dataclass(frozen=True)
class Life:
    killed: bool
    ending: str  # what the scenario returned; empty when killed
    points: tuple[Point, ...]  # passed, the one where it was killed included


def live_once(scenario: Scenario, directory: Path, *, kill: Kill | None = None) -> Life:
    """One life; AssertionError when the child ends by anything but its end or our kill."""
    _clear(directory)
    child = _start(scenario, directory, kill)
    child.join(LONGEST_LIFE_SECONDS)
    if child.exitcode is None:
        child.kill()
        child.join()
        raise AssertionError(f"the life did not end within {LONGEST_LIFE_SECONDS:g} s")
    return _read_life(directory, child)


def survive(scenario: Scenario, directory: Path, *, kills: Sequence[Kill]) -> tuple[Life, ...]:
    """One life for each kill, then as many as it takes, so at least one that is not killed."""
    lives = [live_once(scenario, directory, kill=kill) for kill in kills]
    lives.append(live_once(scenario, directory))
    return tuple(lives)


def kill_everywhere(
    scenario: Scenario, directory_for: Callable[[int], Path]
) -> Iterator[tuple[int, tuple[Life, ...]]]:
    """Kill at strike 1, 2, 3 … each in a fresh directory, until a life ends unharmed."""
    number = 0
    while True:
        number += 1
        lives = survive(scenario, directory_for(number), kills=[Kill(number=number)])
        yield number, lives
        if not lives[0].killed:
            return


def kill_at_random(
    scenario: Scenario, directory: Path, *, seed: int, longest_seconds: float
) -> tuple[Life, ...]:
    """Kill from outside after a random while, again and again, until a life ends first."""
    draw = random.Random(seed)  # noqa: S311 - a schedule to replay, not a secret
    lives: list[Life] = []
    while not lives or lives[-1].killed:
        _clear(directory)
        child = _start(scenario, directory, None)
        child.join(draw.uniform(0.0, longest_seconds))
        if child.exitcode is None:
            child.kill()
        child.join()
        lives.append(_read_life(directory, child))
    return tuple(lives)


class _Striker:
    """Writes each strike down, then kills the process at the one that was asked for."""

    def __init__(self, log: Path, kill: Kill | None) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._kill = kill
        self._passed: list[Point] = []
        self._guard = threading.Lock()

    def __call__(self, step: str, instant: str) -> None:
        with self._guard:
            occurrence = 1 + sum(
                (point.step, point.instant) == (step, instant) for point in self._passed
            )
            point = Point(step, instant, occurrence)
            self._passed.append(point)
            os.write(self._log, f"{step} {instant} {occurrence}\n".encode())
            if self._kill and self._is_due(point, self._kill):
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)

    def _is_due(self, point: Point, kill: Kill) -> bool:
        if kill.survived is not None:
            return point not in kill.survived
        return point == kill.point or len(self._passed) == kill.number


def _start(scenario: Scenario, directory: Path, kill: Kill | None) -> BaseProcess:
    child = _context.Process(target=_child, args=(scenario, directory, kill))
    child.start()
    return child


def _child(scenario: Scenario, directory: Path, kill: Kill | None) -> None:
    os.setpgid(0, 0)
    ending = scenario(directory, _Striker(directory / _STRIKES, kill))
    (directory / _ENDING).write_text(ending)


def _clear(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name in (_STRIKES, _ENDING):
        (directory / name).unlink(missing_ok=True)


def _read_life(directory: Path, child: BaseProcess) -> Life:
    assert child.exitcode in {0, -signal.SIGKILL}, f"the child ended with {child.exitcode}"
    log, ending = directory / _STRIKES, directory / _ENDING
    lines = log.read_text().splitlines() if log.exists() else []
    points = tuple(
        Point(step, instant, int(occurrence))
        for step, instant, occurrence in (line.split(" ") for line in lines)
    )
    killed = child.exitcode != 0
    return Life(killed, "" if killed else ending.read_text(), points)
