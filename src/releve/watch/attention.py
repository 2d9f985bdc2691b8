"""What wants attention on a host that serves; pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from releve.model.reading import InsideReading, Intent, MountReading, WriteOutcome
from releve.model.server_text import show_server_text
from releve.model.verdict import Cause, HostState, Witness
from releve.watch.memory import SKEWS, HostMemory
from releve.watch.mounts import is_about
from releve.watch.rules import WatchRules
from releve.watch.signs import Sign, Source, attention, count, enumerate_words, testify
from releve.watch.silence import fresh_outside

CERTIFICATE_DAYS: Final = 14
FULL_WITHIN_SECONDS: Final = 24 * 3600.0
SKEW_SECONDS: Final = 5.0
FAILURES_IN_A_ROW: Final = 3  # of one check, before it is a sign


def list_attention(
    memory: HostMemory, rules: WatchRules, *, now: float, fleet_skew: float
) -> Iterator[Sign]:
    """At most one sign of each cause, gravest first."""
    if (sign := judge_checks(memory, rules, now=now)) is not None:
        yield sign
    if memory.inside is not None and memory.lost is None:
        yield from list_inside(memory, memory.inside, rules=rules, fleet_skew=fleet_skew)


def list_inside(
    memory: HostMemory, inside: InsideReading, *, rules: WatchRules, fleet_skew: float
) -> Iterator[Sign]:
    candidates = (
        judge_full(inside),
        judge_filling(memory, inside),
        judge_kernel_lines(memory, inside),
        judge_past_errors(inside),
        judge_units(inside, rules),
        judge_certificates(inside),
        judge_clock(memory, fleet_skew=fleet_skew),
    )
    yield from (sign for sign in candidates if sign is not None)


def judge_checks(memory: HostMemory, rules: WatchRules, *, now: float) -> Sign | None:
    if not memory.failing:
        return None
    failing = sorted(name for name, times in memory.failing.items() if times >= FAILURES_IN_A_ROW)
    outside = fresh_outside(memory, rules, now=now)
    is_deciding = memory.lost is not None and now - memory.lost_since < rules.unreachable_after
    if not failing or outside is None or is_deciding:
        return None
    failed = (check for check in outside.checks if not check.passed)  # two may have one name
    first = next(check for check in failed if check.name == failing[0])
    shown = [show_server_text(name) for name in failing]
    verb = "fails" if len(failing) == 1 else "fail"
    return Sign(
        HostState.DEGRADED,
        Cause.FAILED_CHECK,
        f"{'check' if len(failing) == 1 else 'checks'} {enumerate_words(shown)} {verb} outside",
        f"({show_server_text(first.reason)})",
        subject=", ".join(shown),
        testimonies=(testify(Witness.OUTSIDE, f"{first.name}: {first.reason}"),),
        source=Source.OUTSIDE,
    )


def judge_full(inside: InsideReading) -> Sign | None:
    full = [mount for mount in inside.mounts if is_full(mount)]
    if not full:
        return None
    what = "has no free inode" if full[0].bytes_free else "is full"
    return attention(
        Cause.DISK_FULL,
        f"{_list_paths(full)} {what if len(full) == 1 else 'are full'}",
        subject=_list_paths(full),
    )


def is_full(mount: MountReading) -> bool:
    if mount.write is WriteOutcome.NO_SPACE:
        return True
    is_written = mount.intent is not Intent.READ_ONLY and mount.write is WriteOutcome.WRITTEN
    no_bytes = mount.bytes_total > 0 and mount.bytes_free == 0
    return is_written and (no_bytes or (mount.inodes_total > 0 and mount.inodes_free == 0))


def judge_filling(memory: HostMemory, inside: InsideReading) -> Sign | None:
    """The mount that will be full first, within a day."""
    filling = [
        (space.seconds_to_full, mount)
        for mount in inside.mounts
        if (space := memory.space.get(mount.path)) is not None
        and space.seconds_to_full is not None
        and space.seconds_to_full < FULL_WITHIN_SECONDS
        and mount.write is WriteOutcome.WRITTEN
        and not is_full(mount)
    ]
    if not filling:
        return None
    seconds, mount = min(filling, key=lambda item: item[0])
    return attention(
        Cause.DISK_FILLING,
        f"{show_server_text(mount.path)} fills",
        after=f"and is full in about {_say_duration(seconds)} at this rate",
        subject=mount.path,
    )


def judge_kernel_lines(memory: HostMemory, inside: InsideReading) -> Sign | None:
    """The device below complains, and the write goes through all the same."""
    if not memory.kernel:
        return None
    lines = [
        heard.line
        for heard in memory.kernel
        if any(is_about(heard.line, mount.device) for mount in inside.mounts)
    ]
    if not lines:
        return None
    last = lines[-1]
    return attention(
        Cause.DISK_FAILING,
        f"the kernel complains about {show_server_text(last.device)}",
        after=f"({show_server_text(last.text, limit=300)}), though it can be written",
        subject=last.device,
    )


def judge_past_errors(inside: InsideReading) -> Sign | None:
    marked = [
        mount
        for mount in inside.mounts
        if mount.errors > 0 and mount.write in {WriteOutcome.WRITTEN, WriteOutcome.NO_SPACE}
    ]
    if not marked:
        return None
    first = marked[0]
    last = f"(the last at {show_server_text(first.last_error)})" if first.last_error else ""
    counted = count(first.errors, f"{show_server_text(first.filesystem, limit=20)} error")
    return attention(
        Cause.PAST_ERRORS,
        f"{_list_paths(marked)} can be written and remembers {counted}, seen",
        after=last,
        subject=_list_paths(marked),
    )


def judge_units(inside: InsideReading, rules: WatchRules) -> Sign | None:
    failed = sorted(set(inside.failed_units) - rules.ignore_units) if inside.failed_units else []
    if not failed:
        return None
    shown = [show_server_text(unit, limit=100) for unit in failed]
    noun = "unit" if len(failed) == 1 else "units"
    words = enumerate_words(shown)
    verb = "has" if len(failed) == 1 else "have"
    return attention(Cause.FAILED_UNIT, f"{noun} {words} {verb} failed", subject=", ".join(shown))


def judge_certificates(inside: InsideReading) -> Sign | None:
    """By the host's own clock, so that a jump of the controller's makes none expire."""
    if not inside.certificates:
        return None
    bound = inside.host_time + timedelta(days=CERTIFICATE_DAYS)
    soon = sorted(
        (certificate.expires, certificate.path)
        for certificate in inside.certificates
        if certificate.expires < bound
    )
    if not soon:
        return None
    expires, path = soon[0]
    shown = show_server_text(path)
    return attention(
        Cause.CERTIFICATE,
        f"certificate {shown} {_say_expiry(expires, inside.host_time)}",
        after=f"with {count(len(soon) - 1, 'other')}" if len(soon) > 1 else "",
        subject=", ".join(show_server_text(item[1]) for item in soon),
    )


def judge_clock(memory: HostMemory, *, fleet_skew: float) -> Sign | None:
    skew = estimate_skew(memory)
    if skew is None or abs(skew - fleet_skew) <= SKEW_SECONDS or abs(skew) <= SKEW_SECONDS:
        return None
    way = "ahead of" if skew > fleet_skew else "behind"
    by = abs(skew - fleet_skew)
    return attention(Cause.CLOCK, f"its clock is {by:.0f} s {way} this controller's")


def estimate_skew(memory: HostMemory) -> float | None:
    """Seconds the host is ahead, the least that all of the last readings agree on.

    A reading that was long under way looks behind; one late reading alone says nothing.
    """
    if len(memory.skews) < SKEWS:
        return None
    if (most := max(memory.skews)) < 0:
        return most
    return max(0.0, min(memory.skews))


def _list_paths(mounts: list[MountReading]) -> str:
    return enumerate_words([show_server_text(mount.path) for mount in mounts])


def _say_expiry(expires: datetime, host_time: datetime) -> str:
    days = (expires - host_time).days
    if days < 0:
        return f"expired on {expires:%Y-%m-%d}, seen"
    return f"expires on {expires:%Y-%m-%d}, in {count(days, 'day')}, seen"


def _say_duration(seconds: float) -> str:
    if seconds < 5400:
        return count(max(1, round(seconds / 60)), "minute")
    return count(round(seconds / 3600), "hour")
