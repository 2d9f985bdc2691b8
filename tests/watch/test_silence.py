"""A host that does not answer: dead only where nobody gets an answer."""

import pytest

from releve.model.reading import Lost, OutsideReading, ProviderReading, Silence
from releve.model.verdict import Cause, HostState, Witness
from tests.watch.readings import DOWN, LOST, WELL, Watched, inside, outside


def be_silent(host: Watched, lost: Lost, seen: OutsideReading, *, rounds: int = 10) -> None:
    for _ in range(rounds):
        host.tell(lost, seen, after=10)


@pytest.mark.parametrize(
    "seen",
    [
        DOWN,
        outside("--"),  # the port answers, and no check passes
        outside(port=False),  # no check needs no shell
    ],
)
def test_nobody_gets_an_answer(seen: OutsideReading) -> None:
    host = Watched()
    host.tell(inside(), WELL)
    be_silent(host, LOST, seen, rounds=6)
    assert not host.tell(after=9).verdict.is_dead  # 59 s
    host.tell(seen, after=1)
    verdict = host.tell(seen, after=5).verdict
    assert (verdict.state, verdict.cause) == (HostState.UNREACHABLE, Cause.NO_ANSWER)
    assert verdict.confirmed
    assert {item.witness for item in verdict.testimonies} == {Witness.LINE, Witness.OUTSIDE}
    assert "no answer from 192.0.2.10" in verdict.reason


@pytest.mark.parametrize("seen", [WELL, outside("+-", port=False), outside(port=True)])
def test_a_lost_line_while_anything_answers_is_never_death(seen: OutsideReading) -> None:
    host = Watched()
    host.tell(inside(), WELL)
    for _ in range(100):
        verdict = host.tell(LOST, seen, after=10).verdict
        assert not verdict.is_dead, verdict.reason
    assert host.tell().wrong
    assert Cause.NO_LOGIN in {wrong.cause for wrong in host.tell().wrong}


def test_another_host_key_is_never_death() -> None:
    host = Watched()
    host.tell(inside(), WELL)
    other = Lost(Silence.WRONG_KEY, "the host key at 192.0.2.10 is not the proven one")
    for _ in range(100):
        verdict = host.tell(other, DOWN, ProviderReading("stopped"), after=10).verdict
        assert not verdict.is_dead
    assert Cause.OTHER_HOST in {wrong.cause for wrong in host.tell().wrong}


@pytest.mark.parametrize("power", ["stopped", "missing"])
def test_the_provider_is_a_witness(power: str) -> None:
    host = Watched()
    host.tell(inside(), WELL)
    be_silent(host, LOST, outside(port=False), rounds=6)
    host.tell(ProviderReading(power), outside(port=False), after=10)
    verdict = host.tell(LOST, outside(port=False), after=5).verdict
    assert (verdict.cause, verdict.confirmed) == (Cause.STOPPED, True)
    assert f"the provider says {power}" in verdict.reason


def test_what_the_provider_said_before_the_silence_is_no_word_on_it() -> None:
    host = Watched()
    host.tell(ProviderReading("stopped"))
    host.tell(inside(), after=1)
    be_silent(host, LOST, DOWN)
    assert host.tell().verdict.cause is Cause.NO_ANSWER


def test_silence_that_nobody_looked_at_from_outside_is_unknown() -> None:
    host = Watched()
    host.tell(inside(), WELL)
    for _ in range(20):
        verdict = host.tell(LOST, after=10).verdict
    assert verdict.state is HostState.UNKNOWN


def test_one_round_from_outside_is_not_enough() -> None:
    host = Watched()
    host.tell(inside(), WELL)
    for _ in range(7):
        host.tell(LOST, after=10)
    host.tell(DOWN)
    assert not host.tell(LOST, after=20).verdict.confirmed


def test_it_clears_when_it_answers_again() -> None:
    host = Watched()
    host.tell(inside(), WELL)
    be_silent(host, LOST, DOWN)
    assert host.tell(inside(), after=10).verdict.is_dead
    assert host.tell(inside(), after=10).verdict.state is HostState.HEALTHY


def test_it_is_dead_no_more_when_checks_pass_again_though_no_probe_gets_in() -> None:
    host = Watched()
    host.tell(inside(), WELL)
    be_silent(host, LOST, DOWN)
    host.tell(WELL, after=30)
    verdict = host.tell(WELL, after=30).verdict
    assert (verdict.state, verdict.cause) == (HostState.DEGRADED, Cause.NO_LOGIN)


def test_a_short_loss_changes_nothing() -> None:
    host = Watched()
    host.tell(inside(), WELL)
    assert host.tell(LOST, after=10).verdict.state is HostState.HEALTHY
    assert host.tell(inside(), after=10).verdict.confirmed


def test_not_seen_yet_and_contradictory_are_unknown() -> None:
    host = Watched()
    assert host.tell().verdict.state is HostState.UNKNOWN
    assert host.tell(LOST).verdict.state is HostState.UNKNOWN
    host.tell(inside(), after=1)
    verdict = host.tell(ProviderReading("stopped"), after=1).verdict
    assert verdict.state is HostState.UNKNOWN
    assert "all the same" in verdict.reason


def test_a_prober_that_says_nothing_at_all_is_unknown() -> None:
    host = Watched()
    host.tell(inside())
    assert host.tell(after=100).verdict.state is HostState.UNKNOWN
