"""What it means when nothing comes from inside; pure."""

from collections.abc import Iterator
from typing import Final

from releve.model.reading import Lost, OutsideReading, Silence
from releve.model.server_text import show_server_text
from releve.model.verdict import Cause, HostState, Testimony, Witness
from releve.watch.memory import HostMemory, anything_answers
from releve.watch.rules import WatchRules
from releve.watch.signs import Sign, Source, attention, testify

GONE: Final = frozenset({"stopped", "missing"})
ROUNDS_FOR_SILENCE: Final = 2  # rounds from outside without any answer, before they are a witness


def judge_silence(memory: HostMemory, rules: WatchRules, *, now: float) -> Sign | None:
    """None: the line holds, or has not been lost long enough."""
    lost = memory.lost
    if lost is None:
        return None
    if lost.kind is Silence.WRONG_KEY:
        return _see_other_host(lost)
    if now - memory.lost_since < rules.unreachable_after:
        return None
    outside = fresh_outside(memory, rules, now=now)
    if outside is None or memory.outside_at < memory.lost_since:
        return None
    if anything_answers(outside):
        return _see_no_login(lost, outside)
    return _see_nobody(memory, lost, outside)


def fresh_outside(memory: HostMemory, rules: WatchRules, *, now: float) -> OutsideReading | None:
    """The last round from outside, while it still says something about now."""
    bound = 3 * rules.check_interval + 30
    return memory.outside if now - memory.outside_at <= bound else None


def describe_outside(outside: OutsideReading) -> str:
    """What fails, such as "2 of 3 checks fail outside"; empty: nothing does."""
    failed = [check for check in outside.checks if not check.passed]
    if not failed:
        return ""
    first = failed[0]
    why = show_server_text(first.reason, limit=200)
    number = f"{len(failed)} of {len(outside.checks)} checks fail outside"
    return f"{number} ({show_server_text(first.name)}: {why})"


def _see_other_host(lost: Lost) -> Sign:
    return attention(
        Cause.OTHER_HOST,
        "another host key than the proven one answers",
        after=f"({_why(lost)})",
    )


def _see_no_login(lost: Lost, outside: OutsideReading) -> Sign:
    passed = sum(check.passed for check in outside.checks)
    seen = (
        f"{passed} of {len(outside.checks)} checks pass" if outside.checks else "its port answers"
    )
    return attention(
        Cause.NO_LOGIN, "no probe gets in", after=f"({_why(lost)}), while {seen} outside"
    )


def _see_nobody(memory: HostMemory, lost: Lost, outside: OutsideReading) -> Sign:
    power = memory.provider.power if _provider_speaks(memory) and memory.provider else ""
    is_gone = power in GONE
    return Sign(
        state=HostState.UNREACHABLE,
        cause=Cause.STOPPED if is_gone else Cause.NO_ANSWER,
        before="nobody gets an answer",
        after=f"({'; '.join(_say_silence(lost, outside, power if is_gone else ''))})",
        testimonies=tuple(_testify(memory, lost, outside)),
        source=Source.EITHER,
    )


def _testify(memory: HostMemory, lost: Lost, outside: OutsideReading) -> Iterator[Testimony]:
    yield testify(Witness.LINE, _why(lost))
    if memory.silent_rounds >= ROUNDS_FOR_SILENCE:
        yield testify(Witness.OUTSIDE, _say_outside(outside))
    if _provider_speaks(memory) and memory.provider and memory.provider.power in GONE:
        yield testify(Witness.PROVIDER, f"the provider says {memory.provider.power}")


def _say_silence(lost: Lost, outside: OutsideReading, power: str) -> Iterator[str]:
    yield _why(lost)
    yield _say_outside(outside)
    if power:
        yield f"the provider says {power}"


def _say_outside(outside: OutsideReading) -> str:
    port = "its SSH port answers" if outside.port_answers else "its SSH port does not answer"
    return f"{failing}; {port}" if (failing := describe_outside(outside)) else port


def _provider_speaks(memory: HostMemory) -> bool:
    """Only what it said after the line was lost is about this silence."""
    return memory.provider is not None and memory.provider_at >= memory.lost_since


def _why(lost: Lost) -> str:
    return show_server_text(lost.reason, limit=300)
