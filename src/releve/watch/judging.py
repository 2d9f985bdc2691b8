"""The verdict on one host, from what was read of it; pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from releve.model.reading import InsideReading, WriteOutcome
from releve.model.server_text import show_server_text
from releve.model.verdict import DEAD, Cause, HostState, Verdict
from releve.watch.attention import list_attention
from releve.watch.memory import HostMemory, Moment, MountMemory
from releve.watch.mounts import MountLook, is_about, judge_mount
from releve.watch.rules import WatchRules
from releve.watch.signs import Sign
from releve.watch.silence import GONE, describe_outside, fresh_outside, judge_silence
from releve.watch.standing import GOOD_ROUNDS, Standings, update_standings

STALE_ROUNDS: Final = 4  # intervals without a word from the prober, good or bad


@dataclass(frozen=True)
class HostView:
    """One host under watch: what was read of it, and what of that still stands."""

    memory: HostMemory = field(default_factory=HostMemory)
    standings: Standings = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    verdict: Verdict  # the gravest
    wrong: tuple[Verdict, ...] = ()  # one for each topic, gravest first


def judge(
    view: HostView, rules: WatchRules, *, moment: Moment, fleet_skew: float = 0.0
) -> tuple[HostView, Judgement]:
    """What stands now; asked anew after each reading, and while something is wrong each second.

    `fleet_skew`: seconds by which most hosts are ahead of this controller.
    """
    memory = view.memory
    signs = look(memory, rules, now=moment.monotonic, fleet_skew=fleet_skew)
    standings = update_standings(view.standings, signs, memory, rules=rules, moment=moment)
    if DEAD in view.standings and DEAD not in standings:
        memory = replace(memory, failing={})  # what failed while it was dead
        signs = look(memory, rules, now=moment.monotonic, fleet_skew=fleet_skew)
        standings = update_standings(standings, signs, memory, rules=rules, moment=moment)
    wrong = tuple(standing.as_verdict() for standing in standings.values())
    verdict = wrong[0] if wrong else say_otherwise(memory, rules, now=moment.monotonic)
    return HostView(memory, standings), Judgement(verdict, wrong)


def look(
    memory: HostMemory, rules: WatchRules, *, now: float, fleet_skew: float
) -> tuple[Sign, ...]:
    """A sign of death alone, or all that wants attention."""
    silence = judge_silence(memory, rules, now=now)
    if silence is not None and silence.is_dead:
        return (silence,)
    if (crash := look_at_mounts(memory, rules, now=now)) is not None:
        return (crash,)
    rest = list_attention(memory, rules, now=now, fleet_skew=fleet_skew)
    return (silence, *rest) if silence is not None else tuple(rest)


def look_at_mounts(memory: HostMemory, rules: WatchRules, *, now: float) -> Sign | None:
    """The gravest sign of a crash: what two witnesses say first, then the root."""
    if memory.inside is None:
        return None
    signs = list(list_crashes(memory, memory.inside, rules=rules, now=now))
    return min(signs, key=lambda sign: (not sign.is_doubly_seen, sign.subject != "/"), default=None)


def list_crashes(
    memory: HostMemory, inside: InsideReading, *, rules: WatchRules, now: float
) -> Iterator[Sign]:
    outside = fresh_outside(memory, rules, now=now)
    failing = describe_outside(outside) if outside is not None else ""
    for mount in inside.mounts:
        if mount.write in {WriteOutcome.WRITTEN, WriteOutcome.NO_SPACE}:
            continue
        kernel = [heard.line for heard in memory.kernel if is_about(heard.line, mount.device)]
        past = memory.mounts.get(mount.path, MountMemory())
        look = MountLook(mount, past, kernel, inside.kernel_log_readable, failing)
        if (sign := judge_mount(look, read_only=rules.read_only)) is not None:
            yield sign


def say_otherwise(memory: HostMemory, rules: WatchRules, *, now: float) -> Verdict:
    """Nothing stands against it: healthy, or not known."""
    if memory.lost is not None:
        return say_silent(memory, rules, now=now)
    if memory.inside is None:
        return unknown("it has not been seen yet")
    if now - memory.inside_at > STALE_ROUNDS * rules.interval + 30:
        return unknown(f"no word from its probe for {now - memory.inside_at:.0f} s, and no loss")
    provider = memory.provider
    if provider and provider.power in GONE and memory.provider_at >= memory.inside_at:
        return unknown(f"the provider says {provider.power}, and its probe answers all the same")
    return Verdict(HostState.HEALTHY, Cause.NONE, say_well(memory), confirmed=True)


def say_silent(memory: HostMemory, rules: WatchRules, *, now: float) -> Verdict:
    why = show_server_text(memory.lost.reason, limit=300) if memory.lost else ""
    silent = f"no word from inside for {now - memory.lost_since:.0f} s ({why})"
    if memory.inside is None or now - memory.lost_since >= rules.unreachable_after:
        return unknown(silent)
    return Verdict(HostState.HEALTHY, Cause.NONE, f"it was well; {silent}", confirmed=False)


def say_well(memory: HostMemory) -> str:
    checks = memory.outside.checks if memory.outside else ()
    passed = sum(check.passed for check in checks)
    outside = f", {passed} of {len(checks)} checks pass outside" if checks else ""
    return f"its probe answers and every mount is as meant{outside}"


def unknown(reason: str) -> Verdict:
    return Verdict(HostState.UNKNOWN, Cause.NONE, reason, confirmed=False)


def is_proven_well(view: HostView, topic: str) -> bool:
    """Whether fresh good rounds of this very instance show that nothing of this topic is left."""
    if topic in view.standings:
        return False
    if topic == Cause.FAILED_CHECK.value:
        return view.memory.outside_rounds >= GOOD_ROUNDS
    return view.memory.lost is None and view.memory.inside_rounds >= GOOD_ROUNDS
