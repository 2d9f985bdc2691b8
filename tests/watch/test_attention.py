"""What wants attention on a host that serves."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from releve.model.reading import Certificate, MountReading, WriteOutcome
from releve.model.verdict import Cause, HostState
from releve.watch.rules import WatchRules
from tests.watch.readings import BEGAN, GIB, WELL, Watched, inside, line, mount, outside

RULES = WatchRules(10, 3, 60, 30, ignore_units=frozenset({"motd-news.service"}))


def expiring(days: float) -> dict[str, Any]:
    return {"certificates": (Certificate("/etc/ssl/blog.pem", BEGAN + timedelta(days=days)),)}


@pytest.mark.parametrize(
    ("mounts", "changes", "cause", "words"),
    [
        ((), {"failed_units": ("a.service",)}, Cause.FAILED_UNIT, "unit a.service has failed"),
        (
            (mount(write=WriteOutcome.NO_SPACE, bytes_free=0),),
            {},
            Cause.DISK_FULL,
            "/ is full",
        ),
        ((mount(inodes_free=0),), {}, Cause.DISK_FULL, "/ has no free inode"),
        ((), expiring(3.5), Cause.CERTIFICATE, "expires on 2026-11-29, in 3 days"),
        ((), expiring(-3), Cause.CERTIFICATE, "expired on 2026-11-23"),
        ((mount(errors=2),), {}, Cause.PAST_ERRORS, "remembers 2 ext4 errors"),
    ],
)
def test_degraded(
    mounts: tuple[MountReading, ...], changes: dict[str, Any], cause: Cause, words: str
) -> None:
    host = Watched(RULES)
    host.tell(WELL)
    host.tell(inside(*mounts, **changes))
    early = host.tell(inside(*mounts, **changes), after=10).verdict
    assert (early.state, early.cause, early.confirmed) == (HostState.DEGRADED, cause, False)
    verdict = host.tell_each([inside(*mounts, **changes)] * 6, after=10).verdict
    assert (verdict.cause, verdict.confirmed) == (cause, True)
    assert words in verdict.reason
    host.tell(inside(), after=10)
    assert host.tell(inside(), after=10).verdict.state is HostState.HEALTHY


@pytest.mark.parametrize(
    "changes",
    [
        {"failed_units": ("motd-news.service",)},
        expiring(20),
        {"host_time": BEGAN + timedelta(seconds=4)},
    ],
)
def test_what_wants_no_attention(changes: dict[str, Any]) -> None:
    host = Watched(RULES)
    for _ in range(10):
        assert host.tell(inside(**changes), after=10).verdict.state is HostState.HEALTHY


def test_several_things_at_once_hide_none() -> None:
    host = Watched(RULES)
    reading = inside(mount(errors=1), failed_units=("a.service",), **expiring(1))
    causes = [wrong.cause for wrong in host.tell(reading).wrong]
    assert causes == [Cause.PAST_ERRORS, Cause.FAILED_UNIT, Cause.CERTIFICATE]


def test_a_complaint_of_the_kernel_is_kept_for_a_while() -> None:
    host = Watched(RULES)
    host.tell(inside(kernel_lines=(line("I/O error, dev vda1, sector 8"),)))
    assert host.tell(inside(), after=300).verdict.cause is Cause.DISK_FAILING
    host.tell(inside(kernel_lines=(line("I/O error, dev vdz", "vdz"),)), after=400)
    host.tell(inside(), after=10)
    assert host.tell(inside(), after=10).verdict.state is HostState.HEALTHY


def test_a_check_has_to_fail_again_and_again() -> None:
    host = Watched(RULES)
    host.tell(inside(), WELL)
    for _ in range(5):
        host.tell(inside(), outside("+-"), after=30)
        host.tell(inside(), outside("+-"), after=5)
        assert host.tell(inside(), WELL, after=30).verdict.state is HostState.HEALTHY
    for _ in range(6):
        verdict = host.tell(inside(), outside("+-"), after=30).verdict
    assert (verdict.cause, verdict.confirmed) == (Cause.FAILED_CHECK, True)
    assert "check http /1 fails outside" in verdict.reason


def test_of_two_checks_with_one_name_the_reason_is_of_the_one_that_fails() -> None:
    reading = outside("+-")
    checks = tuple(replace(check, name="http /") for check in reading.checks)
    host = Watched(RULES)
    host.tell(inside(), WELL)
    for _ in range(6):
        verdict = host.tell(inside(), replace(reading, checks=checks), after=30).verdict
    assert "check http / fails outside" in verdict.reason
    assert verdict.reason.endswith("(refused)")


class TestFilling:
    def fill(self, host: Watched, free: list[float]) -> Cause:
        for gib in free:
            verdict = host.tell(inside(mount(bytes_free=int(gib * GIB))), after=60).verdict
        return verdict.cause

    def test_a_steady_rise_is_told_with_the_time_left(self) -> None:
        host = Watched(RULES)
        cause = self.fill(host, [5 - minute / 60 for minute in range(20)])  # 1 GiB an hour
        assert cause is Cause.DISK_FILLING
        assert "full in about 5 hours" in host.tell().verdict.reason

    def test_slow_growth_is_not(self) -> None:
        free = [5 - minute / 3000 for minute in range(30)]
        assert self.fill(Watched(RULES), free) is Cause.NONE

    def test_a_burst_that_has_ended_is_not(self) -> None:
        free = [5 - min(minute, 10) / 10 for minute in range(30)]
        assert self.fill(Watched(RULES), free) is Cause.NONE

    def test_a_saw_that_is_cleaned_up_is_not(self) -> None:
        free = [5 - (minute % 5) / 2 for minute in range(60)]
        assert self.fill(Watched(RULES), free) is Cause.NONE

    def test_inodes_too(self) -> None:
        host = Watched(RULES)
        for minute in range(20):
            verdict = host.tell(inside(mount(inodes_free=500 - minute)), after=60).verdict
        assert verdict.cause is Cause.DISK_FILLING


class TestClock:
    def test_a_host_that_is_wrong(self) -> None:
        host = Watched(RULES)
        wrong = inside(host_time=BEGAN - timedelta(seconds=20))
        verdict = host.tell_each([wrong] * 5, after=10).verdict
        assert verdict.cause is Cause.CLOCK
        assert "its clock is 20 s behind this controller's" in verdict.reason

    def test_one_late_reading_is_not_a_wrong_clock(self) -> None:
        host = Watched(RULES)
        late = inside(host_time=BEGAN - timedelta(seconds=20))
        for _ in range(20):
            host.tell_each([inside(), late, late, late, late], after=10)
            assert host.tell(inside(), after=10).verdict.state is HostState.HEALTHY

    @pytest.mark.parametrize("jump", [3600.0, -3600.0, 10 * 365 * 86400.0])
    def test_a_jump_of_the_controllers_clock_degrades_nobody(self, jump: float) -> None:
        host = Watched(RULES)
        reading = inside(**expiring(90))
        host.tell_each([reading] * 5, after=10)
        host.jumped = jump
        for _ in range(20):
            assert host.tell(reading, after=10).verdict.state is HostState.HEALTHY

    def test_a_controller_that_started_wrong_is_seen_by_the_fleet(self) -> None:
        host = Watched(RULES)
        ahead = inside(host_time=BEGAN + timedelta(seconds=30))
        for _ in range(10):
            verdict = host.tell(ahead, after=10, fleet_skew=29.5).verdict
        assert verdict.state is HostState.HEALTHY
