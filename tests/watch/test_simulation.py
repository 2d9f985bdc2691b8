"""Fleets over hours, on paper: no false alarm, and no run and one word in a storm."""

import heapq
import random
from collections.abc import Iterator

import pytest

from releve.model.incident import IncidentEventKind
from releve.model.reading import WriteOutcome
from tests.watch.paper_fleet import PaperFleet, plan_of
from tests.watch.readings import DOWN, EXT4_ERROR, LOST, WELL, Reading, inside, mount, outside

ROUNDS = 100_000
_Kind = IncidentEventKind


def make_moments(hosts: int, rounds: int, chance: random.Random) -> Iterator[tuple[float, str]]:
    """When which host's round comes: every 10 s, with jitter of up to a whole interval."""
    due = [(chance.uniform(0, 10), f"host-{number}") for number in range(hosts)]
    heapq.heapify(due)
    for _ in range(rounds):
        at, name = heapq.heappop(due)
        yield at, name
        heapq.heappush(due, (at + chance.uniform(5, 20), name))


def test_no_false_alarm_in_100_000_rounds_with_loss_and_jitter() -> None:
    """1 % of all rounds are lost, 1 % of all looks from outside find nobody."""
    chance = random.Random(20261126)  # noqa: S311 - the same fleet each time
    hosts = 200
    watched = PaperFleet(plan_of(*(f"host-{number}" for number in range(hosts))))
    turned, losses = 0.0, 0
    for number, (at, name) in enumerate(make_moments(hosts, ROUNDS, chance)):
        if at > watched.clock.monotonic():
            watched.clock.sleep(at - watched.clock.monotonic())
        if chance.random() < 0.01:
            losses += 1
            watched.tell(name, LOST)
        else:
            watched.tell_well(name)
        if number % 3 == 0:
            outcome = DOWN if chance.random() < 0.01 else WELL
            flaky = outside("+-") if chance.random() < 0.01 else outcome
            watched.tell(name, flaky)
        if at - turned > 5:
            turned = at
            watched.turn()
    assert losses > ROUNDS / 200  # the fleet was as bad as it is said to be
    assert watched.notices == []
    assert _Kind.CONFIRMED not in watched.kinds()
    assert not any(event.data.get("state") != "degraded" for event in watched.events if event.data)
    assert watched.fleet.guard.storms == 0


def run_for(watched: PaperFleet, seconds: int, *, well: set[str], bad: set[str]) -> None:
    """Hosts that are well say so every ten seconds, crashed ones each second."""
    for _ in range(seconds):
        watched.clock.sleep(1.0)
        second = int(watched.clock.monotonic())
        for index, name in enumerate(sorted(well)):
            if index % 10 == second % 10:
                watched.tell_well(name)
        for name in bad:
            watched.tell(name, inside(mount(**EXT4_ERROR)))
        watched.turn()


@pytest.mark.parametrize("kind", ["crash", "silence"])
def test_a_storm_of_400_of_1000_starts_nothing_and_is_told_once(kind: str) -> None:
    names = [f"host-{number}" for number in range(1000)]
    watched = PaperFleet(plan_of(*names))
    run_for(watched, 20, well=set(names), bad=set())
    crashed: list[Reading] = [inside(mount(**EXT4_ERROR))]
    silent: list[Reading] = [LOST, DOWN]
    readings = crashed if kind == "crash" else silent
    for second in range(70 if kind == "crash" else 130):
        watched.clock.sleep(1.0)
        for name in names[400 + second % 10 :: 10]:
            watched.tell_well(name)
        dead = names[: round(400 * min(1.0, (second + 1) / 60))]
        newest = names[max(0, len(dead) - 30) : len(dead)]  # at first each second, then slower
        for name in {*dead[second % 5 :: 5], *newest}:
            for reading in readings:
                watched.tell(name, reading)
        watched.turn()
    assert len(watched.fleet.view.confirmed_dead) == 400
    assert watched.permitted == set()
    assert len(watched.permissions) > 400
    assert [notice.title for notice in watched.notices] == ["Many hosts look dead"]


def test_after_a_storm_that_was_the_network_all_is_as_before() -> None:
    names = [f"host-{number}" for number in range(50)]
    watched = PaperFleet(plan_of(*names))
    run_for(watched, 30, well=set(names), bad=set())
    for _ in range(20):
        watched.clock.sleep(5.0)
        for name in names:
            watched.tell(name, LOST)
            watched.tell(name, DOWN)
        watched.turn()
    assert watched.fleet.guard.is_open
    run_for(watched, 590, well=set(names), bad=set())
    assert watched.fleet.guard.is_open
    run_for(watched, 60, well=set(names), bad=set())
    assert watched.fleet.guard.storm_since is None
    assert watched.permitted == set()
    assert [notice.thread for notice in watched.notices] == ["storm-1", "storm-1"]
    run_for(watched, 60, well=set(names[1:]), bad={names[0]})
    assert watched.permitted == {names[0]}
    assert len(watched.notices) == 3


def test_a_hung_disk_is_told_within_30_seconds_of_the_hang() -> None:
    """The probe says so after 15 s, and then each second; no other witness speaks up."""
    watched = PaperFleet(plan_of("blog", "shop"))
    run_for(watched, 20, well={"blog", "shop"}, bad=set())
    hung_at = watched.clock.monotonic()
    for second in range(30):
        watched.clock.sleep(1.0)
        if second >= 15:
            hung = mount(write=WriteOutcome.HUNG, write_seconds=float(second))
            watched.tell("blog", inside(hung))
        if watched.notices:
            break
        watched.turn()
    assert watched.clock.monotonic() - hung_at <= 30
    assert "has not ended in" in watched.notices[0].body
    assert watched.permitted == set()  # one witness: told, and nothing is done


def test_a_crash_is_told_and_cleared_in_one_thread_without_repeats() -> None:
    watched = PaperFleet(plan_of("blog", "shop"))
    run_for(watched, 30, well={"blog", "shop"}, bad=set())
    run_for(watched, 600, well={"shop"}, bad={"blog"})
    (notice,) = watched.notices
    assert notice.is_first
    assert "and the kernel counts 1 ext4 error" in notice.body
    assert "Next: Look at blog; recover it with `releve recover blog`" in notice.body
    run_for(watched, 60, well={"blog", "shop"}, bad=set())
    assert [item.is_first for item in watched.notices] == [True, False]
    assert len({(item.thread, item.title) for item in watched.notices}) == 1
    assert watched.kinds() == [_Kind.OPENED, _Kind.CONFIRMED, _Kind.CLEARED]


def test_many_that_want_attention_are_told_of_in_bounds() -> None:
    names = [f"host-{number}" for number in range(100)]
    watched = PaperFleet(plan_of(*names))
    for _ in range(12):
        watched.clock.sleep(10.0)
        for name in names:
            host_time = watched.clock.now()
            watched.tell(name, inside(failed_units=("a.service",), host_time=host_time))
        watched.turn()
    assert len(watched.notices) == 21
    assert watched.notices[-1].title == "Many hosts want attention"


def test_a_host_dead_before_this_watch_began_is_told() -> None:
    watched = PaperFleet(plan_of("blog", "shop"))
    run_for(watched, 10, well={"shop"}, bad={"blog"})
    assert len(watched.notices) == 1
