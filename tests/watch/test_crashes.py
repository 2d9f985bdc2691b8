"""What is a crash, what only looks like one, and what it is called."""

from typing import Any

import pytest

from releve.model.reading import Intent, MountReading, WriteOutcome
from releve.model.verdict import Cause, HostState, Verdict, Witness
from tests.watch.readings import (
    DOWN,
    EIO,
    EROFS,
    EXT4_ERROR,
    LOST,
    WELL,
    Watched,
    inside,
    line,
    mount,
)

HUNG: dict[str, Any] = {"write": WriteOutcome.HUNG, "write_seconds": 20.0}
BY_HAND = EROFS | {"read_only_filesystem": True, "read_only_view": True}
VIEW: dict[str, Any] = EROFS | {"read_only_view": True, "intent": Intent.UNSTATED}


def judge_after(bad: MountReading, *, seen_well: bool, lines: tuple[str, ...] = ()) -> Verdict:
    """Four rounds of it, one second apart, as the probe makes them where it sees trouble."""
    host = Watched()
    host.tell(WELL)
    if seen_well:
        well = mount(bad.path, intent=bad.intent, device=bad.device)
        host.tell_each([inside(well), inside(well)], after=10)
    told = [inside(bad, kernel_lines=tuple(line(text) for text in lines)), *[inside(bad)] * 3]
    return host.tell_each(told, after=1).verdict


@pytest.mark.parametrize(
    ("changes", "lines", "cause"),
    [
        (EXT4_ERROR, (), Cause.FILESYSTEM_ERROR),
        (EXT4_ERROR | {"errors": 0, "last_error": ""}, (), Cause.FILESYSTEM_ERROR),
        (EROFS | {"errors": 1}, (), Cause.FILESYSTEM_ERROR),  # Linux 6.12 to 6.14
        (BY_HAND | {"errors": 1}, (), Cause.FILESYSTEM_ERROR),  # before 6.12
        (BY_HAND, (), Cause.REMOUNTED),
        (EROFS | {"read_only_view": True}, (), Cause.REMOUNTED),  # only this mount, by hand
        (EIO | {"emergency": True}, (), Cause.FILESYSTEM_ERROR),
        (EIO, ("XFS (vda1): User initiated shutdown received.",), Cause.FILESYSTEM_ERROR),
        (EIO, ("XFS (vda1): log I/O error -5",), Cause.FILESYSTEM_ERROR),
        (BY_HAND, ("BTRFS info (device vda1 state E): forced readonly",), Cause.FILESYSTEM_ERROR),
        (EIO, ("I/O error, dev vda1, sector 2048 op 0x1:(WRITE)",), Cause.DISK_FAILING),
        (
            EXT4_ERROR,
            ("Buffer I/O error on dev vda1, logical block 0, lost sync page write",),
            Cause.DISK_FAILING,
        ),
        (HUNG, ("INFO: task jbd2/vda1-8:120 blocked for more than 120 s",), Cause.DISK_HUNG),
    ],
)
def test_crashes_confirmed_from_inside_alone(
    changes: dict[str, Any], lines: tuple[str, ...], cause: Cause
) -> None:
    for seen_well in (True, False):  # also a host watched for the first time after its crash
        verdict = judge_after(mount(**changes), seen_well=seen_well, lines=lines)
        assert (verdict.state, verdict.cause) == (HostState.CRASHED, cause), verdict.reason
        assert verdict.confirmed, verdict.reason
        witnesses = {testimony.witness for testimony in verdict.testimonies}
        assert witnesses == {Witness.WRITE, Witness.KERNEL}


@pytest.mark.parametrize("changes", [EIO, HUNG])
def test_a_write_alone_confirms_nothing_until_a_check_fails_too(changes: dict[str, Any]) -> None:
    host = Watched()
    bad = inside(mount(**changes))
    host.tell(WELL, inside())
    alone = host.tell_each([bad] * 30, after=1).verdict
    assert alone.state is HostState.CRASHED
    assert not alone.confirmed
    host.tell(DOWN)
    confirmed = host.tell_each([bad] * 3, after=1).verdict
    assert confirmed.confirmed
    assert {item.witness for item in confirmed.testimonies} == {Witness.WRITE, Witness.OUTSIDE}


@pytest.mark.parametrize(
    ("changes", "seen_well"),
    [
        (BY_HAND | {"intent": Intent.READ_ONLY}, True),  # ro in fstab
        (BY_HAND | {"path": "/mirror"}, True),  # in the plan's list
        (VIEW, False),  # a container's bind mount
        (VIEW | {"errors": 1}, False),  # ... of a file system with an old error
        (BY_HAND | {"intent": Intent.UNSTATED}, False),  # never seen written, in no fstab
        ({"write": WriteOutcome.REFUSED, "error_number": 13}, True),
        ({"write": WriteOutcome.UNTRIED, "intent": Intent.UNSTATED}, False),
        ({"write": WriteOutcome.NO_SPACE, "error_number": 28}, True),
        ({"errors": 1}, True),
    ],
)
def test_look_alikes_are_no_crashes(changes: dict[str, Any], *, seen_well: bool) -> None:
    host = Watched(rules=Watched().rules.__class__(10, 3, 60, 30, frozenset({"/mirror"})))
    if seen_well:
        host.tell_each([inside(), inside()], after=10)
    host.tell(DOWN, DOWN)  # even when nothing answers outside
    for _ in range(10):
        verdict = host.tell(inside(mount(**changes)), after=10).verdict
        assert not verdict.is_dead, verdict.reason


@pytest.mark.parametrize(
    "changes",
    [EXT4_ERROR, EROFS | {"errors": 2}, EIO | {"emergency": True}],
)
def test_a_container_without_fstab_that_was_never_seen_well(changes: dict[str, Any]) -> None:
    bad = mount(**changes | {"intent": Intent.UNSTATED, "device": "loop3"})
    verdict = judge_after(bad, seen_well=False)
    assert verdict.state is HostState.CRASHED, verdict.reason
    assert verdict.confirmed


def test_unstated_but_seen_written_is_meant_to_be_written() -> None:
    verdict = judge_after(mount("/srv", **BY_HAND | {"intent": Intent.UNSTATED}), seen_well=True)
    assert (verdict.cause, verdict.confirmed, verdict.subject) == (Cause.REMOUNTED, True, "/srv")


def test_the_sentence_says_what_where_since_and_why() -> None:
    host = Watched()
    host.tell(inside(), inside())
    host.tell(inside(mount(**EXT4_ERROR)), after=2)
    verdict = host.tell(inside(mount(**EXT4_ERROR)), after=3).verdict
    assert verdict.reason == (
        "root / on vda1 cannot be written since 03:15:02 UTC (EROFS)"
        " and the kernel counts 1 ext4 error at ext4_journal_check_start:83"
    )
    assert verdict.confirmed


def test_old_errors_do_not_blame_a_remount_by_hand() -> None:
    host = Watched()
    host.tell_each([inside(mount(errors=3))] * 3, after=10)
    verdict = host.tell_each([inside(mount(**BY_HAND, errors=3))] * 4, after=1).verdict
    assert (verdict.cause, verdict.confirmed) == (Cause.REMOUNTED, True)


def test_an_error_between_the_write_and_the_count_of_one_round_is_still_blamed() -> None:
    host = Watched()
    host.tell_each([inside(), inside(), inside(mount(errors=1))], after=10)
    verdict = host.tell_each([inside(mount(**BY_HAND, errors=1))] * 4, after=1).verdict
    assert verdict.cause is Cause.FILESYSTEM_ERROR


def test_the_root_is_named_first_and_lines_of_other_disks_are_not_held_against_it() -> None:
    host = Watched()
    data = mount("/data", device="vdb", **EIO)
    bad = inside(data, mount(**EXT4_ERROR), kernel_lines=(line("I/O error, dev vdb", "vdb"),))
    verdict = host.tell_each([bad] * 4, after=1).verdict
    assert (verdict.subject, verdict.cause) == ("/", Cause.FILESYSTEM_ERROR)


def test_it_clears_after_two_good_rounds_and_not_by_one_or_by_a_mute_one() -> None:
    host = Watched()
    host.tell_each([inside(mount(**EXT4_ERROR))] * 4, after=1)
    mute = inside(mount(write=WriteOutcome.REFUSED, errors=1))
    for reading in (mute, mute, mute, inside(mount(errors=1))):
        verdict = host.tell(reading, after=10).verdict
        assert verdict.is_dead
        assert verdict.confirmed
    cleared = host.tell(inside(mount(errors=1)), after=10).verdict
    assert (cleared.state, cleared.cause) == (HostState.DEGRADED, Cause.PAST_ERRORS)


def test_a_crash_stays_known_while_the_line_is_lost_and_can_be_confirmed_from_outside() -> None:
    host = Watched()
    host.tell(inside(), WELL)
    host.tell(inside(mount(**EIO)), after=5)
    assert host.tell(LOST, after=10).verdict.state is HostState.CRASHED
    host.tell(DOWN, after=1)
    verdict = host.tell(DOWN, after=5).verdict
    assert (verdict.state, verdict.confirmed) == (HostState.CRASHED, True)


def test_text_of_the_host_acts_on_nobody() -> None:
    hostile = mount(
        "/\x1b[31m\u202edata", device="vd\x07a", **EXT4_ERROR | {"last_error": "\x1b]0;"}
    )
    reason = judge_after(hostile, seen_well=False).reason
    assert reason.isprintable()
