"""I14: above the threshold nothing starts by itself, and only fresh probes arm it (F37, F38)."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.watch.storm_guard import (
    COOL_DOWN_SECONDS,
    GATHERING_SECONDS,
    Candidate,
    Controls,
    FleetView,
    StormGuard,
    allowed_dead,
    permit,
    turn,
)

ALL_ANSWER = Controls(provider=True, outside=True, healthy_host=True)
BLOG = Candidate("blog", runs_under_way=0, runs_lately=0)


def fleet(watched: int, dead: Mapping[str, float], **changes: int | frozenset[str]) -> FleetView:
    seen = FleetView(watched, heard=watched, heard_lately=watched, looking_dead=dead)
    return replace(seen, **changes)  # type: ignore[arg-type]  # by name, as the test gives them


def dead(number: int, *, since: float = 0.0) -> dict[str, float]:
    return {f"host-{index}": since for index in range(number)}


def confirmed(number: int, *, since: float = 0.0, watched: int = 100) -> FleetView:
    hosts = dead(number, since=since)
    return fleet(watched, hosts, confirmed_dead=frozenset(hosts))


@pytest.mark.parametrize(
    ("watched", "allowed"), [(1, 1), (2, 1), (19, 1), (20, 2), (100, 10), (1000, 100)]
)
def test_how_many_may_die(watched: int, allowed: int) -> None:
    assert allowed_dead(watched) == allowed
    calm = turn(StormGuard(), fleet(watched, dead(allowed)), now=30.0)
    assert not calm.is_open
    assert turn(calm, fleet(watched, dead(allowed + 1)), now=31.0).is_open or watched == 1


def test_a_single_dead_host_may_be_recovered() -> None:
    seen = fleet(100, {"blog": 10.0})
    permission = permit(StormGuard(), seen, ALL_ANSWER, candidate=BLOG, now=15.0)
    assert permission.allowed
    assert permission.reason == "1 of 100 hosts newly dead, 3 of 3 controls reachable"


@pytest.mark.parametrize(
    ("controls", "words"),
    [
        (Controls(provider=True), "the host outside is not known"),
        (Controls(provider=True, outside=False), "the host outside does not answer"),
        (Controls(outside=True, provider=None, healthy_host=False), "1 of 3 controls"),
        (Controls(), "0 of 3 controls reachable, 2 needed"),
    ],
)
def test_two_of_three_controls_have_to_answer(controls: Controls, words: str) -> None:
    permission = permit(StormGuard(), fleet(100, {"blog": 0.0}), controls, candidate=BLOG, now=30.0)
    assert not permission.allowed
    assert words in permission.reason


def test_one_run_at_a_time_and_three_a_day() -> None:
    seen = fleet(100, {"blog": 0.0})
    for candidate, words in (
        (replace(BLOG, runs_under_way=1), "under way"),
        (replace(BLOG, runs_lately=3), "3 runs of blog started by themselves"),
    ):
        permission = permit(StormGuard(), seen, ALL_ANSWER, candidate=candidate, now=30.0)
        assert not permission.allowed
        assert words in permission.reason


def test_what_was_probed_before_this_process_began_counts_for_nothing() -> None:
    unheard = fleet(100, {"blog": 0.0}, heard=89)
    permission = permit(StormGuard(), unheard, ALL_ANSWER, candidate=BLOG, now=30.0)
    assert not permission.allowed
    assert "only 89 of 100 hosts probed" in permission.reason
    only_one = fleet(1, {"blog": 0.0}, heard=0)
    assert not permit(StormGuard(), only_one, ALL_ANSWER, candidate=BLOG, now=30.0).allowed


def test_it_waits_while_others_begin_to_look_dead() -> None:
    seen = fleet(100, {"blog": 0.0, "shop": 9.0})
    assert not permit(StormGuard(), seen, ALL_ANSWER, candidate=BLOG, now=10.0).allowed
    later = 9.0 + GATHERING_SECONDS
    assert permit(StormGuard(), seen, ALL_ANSWER, candidate=BLOG, now=later).allowed


def test_a_host_that_answers_again_unconfirmed_is_counted_no_more() -> None:
    guard = turn(StormGuard(), fleet(100, dead(9)), now=1.0)
    assert not turn(guard, fleet(100, {"a": 1.0, "b": 1.0}), now=2.0).is_open


def test_a_confirmed_death_counts_for_ten_minutes_though_mended() -> None:
    guard = turn(StormGuard(), confirmed(1, watched=5), now=0.0)
    mended = turn(guard, fleet(5, {}), now=300.0)
    second = fleet(5, {"shop": 400.0}, confirmed_dead=frozenset({"shop"}))
    assert turn(mended, second, now=410.0).is_open
    assert not turn(mended, second, now=610.0).is_open


def test_f38_a_storm_opens_once_and_stays_open_while_they_are_dead() -> None:
    guard = turn(StormGuard(), confirmed(40), now=5.0)
    for minute in range(120):
        now = minute * 60.0
        guard = turn(guard, confirmed(40), now=now)
        assert guard.is_open
        assert guard.storms == 1
        permission = permit(guard, confirmed(40), ALL_ANSWER, candidate=BLOG, now=now)
        assert not permission.allowed
        assert "40 of 100 hosts look dead" in permission.reason


def test_it_arms_again_after_calm_and_fresh_probes_only() -> None:
    guard = turn(StormGuard(), fleet(100, dead(40)), now=0.0)
    silent = fleet(100, {}, heard_lately=50)
    guard = turn(guard, silent, now=1.0)
    assert turn(guard, fleet(100, {}), now=COOL_DOWN_SECONDS - 1).is_open  # too soon
    guard = turn(guard, silent, now=COOL_DOWN_SECONDS + 1)
    assert guard.is_open  # calm, and hardly anybody heard of
    guard = turn(guard, fleet(100, {}), now=COOL_DOWN_SECONDS + 2)
    assert not guard.is_open
    assert turn(guard, fleet(100, dead(40, since=700.0)), now=701.0).storms == 2


@given(
    st.lists(
        st.dictionaries(st.sampled_from([f"host-{n}" for n in range(30)]), st.floats(0, 100)),
        max_size=20,
    )
)
def test_no_run_is_permitted_while_more_than_allowed_look_dead(
    rounds: list[dict[str, float]],
) -> None:
    guard = StormGuard()
    for number, looking in enumerate(rounds):
        now = 100.0 + number
        seen = fleet(30, looking)
        guard = turn(guard, seen, now=now)
        permission = permit(guard, seen, ALL_ANSWER, candidate=BLOG, now=now)
        assert not (permission.allowed and len(looking) > allowed_dead(30))
