"""Accidents on real file systems, as the probe tells them; it is named how soon."""

import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from releve.model.reading import InsideReading, Intent, KernelLine, MountReading, WriteOutcome
from tests.adapters.probe.disks import (
    Disk,
    cause_ext4_error,
    fill,
    freeze,
    mounted,
    remount_read_only,
    require_disks,
    run,
    shrink,
    shut_down_xfs,
    small_memory_disk,
    thaw,
)
from tests.adapters.probe.running import (
    RunningProbe,
    mount_of,
    order_for,
    running_probe,
    with_deadline,
)

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("disks")]

CANNOT = {WriteOutcome.READ_ONLY, WriteOutcome.IO_ERROR}
# the kernel says its error before it is read-only: on a slow disk the probe's write is the second
EXT4_ERRORS = ("trigger_test_error:", "ext4_journal_check_start:")
SOON = 3.0  # seconds on a loaded machine; alone it is some hundredths


@dataclass(frozen=True)
class Accident:
    filesystem: str
    act: Callable[[Disk], None]
    kernel_says: str  # a pattern of what is in its log; empty: nothing
    holds: Callable[[MountReading], bool]
    interval: float = 10.0
    options: str = "defaults"


ACCIDENTS = {
    "ext4 error": Accident(
        "ext4",
        cause_ext4_error,
        r"EXT4-fs error \(device",
        lambda mount: mount.errors > 0 and mount.last_error.startswith(EXT4_ERRORS),
        options="errors=remount-ro",
    ),
    "ext4 remounted read-only by hand": Accident(
        "ext4",
        remount_read_only,
        "",
        lambda mount: mount.read_only_filesystem and mount.errors == 0,
        interval=300.0,  # seen because the mount table has changed
    ),
    "XFS shutdown": Accident(
        "xfs",
        shut_down_xfs,
        r"XFS \(",
        lambda mount: mount.error_number == 5 and not mount.read_only_filesystem,
    ),
    # no word of the kernel as long as nobody writes: here the probe is the first
    "btrfs forced read-only": Accident(
        "btrfs",
        shrink,
        "forced readonly",
        lambda mount: mount.read_only_filesystem and mount.errors > 0,
        interval=1.0,
    ),
    # data or the journal fails first; read-only once the journal is given up
    "loop device cut short under ext4": Accident(
        "ext4",
        shrink,
        "I/O error|allocation error|Aborting journal",
        lambda mount: mount.error_number == 5 or (mount.emergency and mount.errors > 0),
        interval=1.0,
    ),
}


@dataclass(frozen=True)
class Witnessed:
    """What a probe told of one accident, from its first word of it to the end of a dwell time."""

    disk: Disk
    told: MountReading
    seconds: float
    later: tuple[MountReading, ...]
    lines: tuple[KernelLine, ...]
    log_readable: bool


@pytest.fixture(scope="module")
def witnessed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Witnessed]:
    """All accidents side by side: most of each is waiting."""
    require_disks("mkfs.xfs", "mkfs.btrfs", "xfs_io")
    directory = tmp_path_factory.mktemp("accidents")

    def see(name: str) -> Witnessed:
        return witness(directory / name.replace(" ", "-"), ACCIDENTS[name])

    with ThreadPoolExecutor(len(ACCIDENTS)) as pool:
        return dict(zip(ACCIDENTS, pool.map(see, ACCIDENTS), strict=True))


def witness(directory: Path, accident: Accident) -> Witnessed:
    with mounted(directory, accident.filesystem, options=accident.options) as disk:
        fstab = f"{disk.node} {disk.place} {accident.filesystem} defaults 0 0\n"
        order = order_for(disk.place, fstab=fstab, interval=accident.interval)
        with running_probe(order) as probe:
            await_well(probe, disk.place)
            time.sleep(1.2)  # or its next round would be too soon after the first
            accident.act(disk)
            told, seconds = probe.await_reading(
                lambda reading: mount_of(reading, disk.place).write in CANNOT
            )
            probe.await_reading(lambda reading: accident.holds(mount_of(reading, disk.place)))
            time.sleep(2.5)
            header, readings = probe.header, tuple(probe.readings)
    assert header is not None
    return Witnessed(
        disk,
        mount_of(told, disk.place),
        seconds,
        tuple(mount_of(one, disk.place) for one in readings if one.sequence > told.sequence),
        tuple(line for reading in readings for line in reading.kernel_lines),
        header.kernel_log_readable,
    )


@pytest.mark.parametrize("name", ACCIDENTS)
def test_an_accident_is_told_as_what_it_is(witnessed: dict[str, Witnessed], name: str) -> None:
    seen = witnessed[name]
    print(f"{name}: told after {seen.seconds:.2f} s")
    assert seen.seconds < SOON
    assert seen.told.intent is Intent.WRITABLE
    assert seen.told.device == seen.disk.device


@pytest.mark.parametrize("name", ACCIDENTS)
def test_it_is_told_again_every_second_through_the_dwell_time(
    witnessed: dict[str, Witnessed], name: str
) -> None:
    later = witnessed[name].later
    assert len(later) >= 2
    assert {mount.write for mount in later} <= CANNOT


@pytest.mark.parametrize("name", ACCIDENTS)
def test_only_what_the_kernel_says_of_this_disk_is_told(
    witnessed: dict[str, Witnessed], name: str
) -> None:
    """Five disks fail at once here, and share one kernel's log."""
    seen, word = witnessed[name], ACCIDENTS[name].kernel_says
    if not seen.log_readable:
        pytest.skip("NOT TRIED: the kernel's log cannot be read here")
    assert {line.device for line in seen.lines} <= {seen.disk.device}
    said = [line.text for line in seen.lines]
    assert any(re.search(word, text) for text in said) if word else not said


def test_a_device_that_fails_below_is_told_once_the_kernel_complains(tmp_path: Path) -> None:
    with (
        small_memory_disk(tmp_path / "memory", 80) as memory,
        mounted(tmp_path / "disk", "ext4", holder=memory) as disk,
        running_probe(order_for(disk.place, interval=1.0)) as probe,
    ):
        await_well(probe, disk.place)
        fill(memory)
        told, _ = probe.await_reading(
            lambda reading: mount_of(reading, disk.place).write in CANNOT, seconds=15
        )
        probe.await_reading(lambda reading: mount_of(reading, disk.place).errors > 0)
        assert mount_of(told, disk.place).intent is Intent.UNSTATED


def test_a_full_disk_is_no_broken_disk(tmp_path: Path) -> None:
    with mounted(tmp_path, "ext4") as disk:
        fill(disk.place)  # before the probe, whose own file would leave it room
        with running_probe(order_for(disk.place, interval=1.0)) as probe:
            told, _ = probe.await_reading(
                lambda reading: mount_of(reading, disk.place).write is WriteOutcome.NO_SPACE
            )
        mount = mount_of(told, disk.place)
        assert mount.bytes_free == 0
        assert mount.errors == 0
        assert not mount.read_only_filesystem


def test_a_disk_that_hangs_is_told_by_a_probe_that_does_not(tmp_path: Path) -> None:
    with mounted(tmp_path, "ext4") as disk:
        order = with_deadline(order_for(disk.place, interval=1.0), 2.5)
        with running_probe(order) as probe:
            await_well(probe, disk.place)
            freeze(disk)
            told, _ = probe.await_reading(is_at(disk, WriteOutcome.RUNNING))
            assert mount_of(told, disk.place).write_seconds < 2.5
            told, _ = probe.await_reading(is_at(disk, WriteOutcome.HUNG), seconds=8)
            probe.await_reading(is_at(disk, WriteOutcome.HUNG))
            assert len(children_of(probe.process.pid)) == 1
            thaw(disk)
            probe.await_reading(is_at(disk, WriteOutcome.WRITTEN))
            freeze(disk)
            time.sleep(1.2)  # a round has begun
            (child,) = children_of(probe.process.pid)
            assert probe.stop() == 0  # and holds no connection open
        assert Path(f"/proc/{child}").exists()
        thaw(disk)
        await_that(lambda: not Path(f"/proc/{child}").exists())
        assert [path.name for path in disk.place.iterdir()] == ["lost+found"]


def test_a_read_only_view_is_no_read_only_file_system(tmp_path: Path) -> None:
    view = tmp_path / "view"
    view.mkdir()
    with mounted(tmp_path, "ext4") as disk:
        run("mount", "--bind", str(disk.place), str(view))
        try:
            run("mount", "-o", "remount,ro,bind", str(view))
            with running_probe(order_for(view)) as probe:
                told, _ = probe.await_reading(lambda _: True)
        finally:
            run("umount", str(view))
    mount = mount_of(told, view)
    assert mount.write is WriteOutcome.READ_ONLY
    assert mount.read_only_view
    assert not mount.read_only_filesystem
    assert mount.intent is Intent.UNSTATED


def test_what_is_read_only_by_fstab_or_by_nature_is_not_written(tmp_path: Path) -> None:
    require_disks("mksquashfs")
    (tmp_path / "content").mkdir()
    image, place = tmp_path / "image", tmp_path / "squash"
    place.mkdir()
    run("mksquashfs", str(tmp_path / "content"), str(image), "-quiet")
    with mounted(tmp_path, "ext4") as disk:
        run("mount", "-o", "loop,ro", str(image), str(place))
        try:
            fstab = f"{disk.node} {disk.place} ext4 noatime,ro 0 0\n"
            before = disk.place.stat().st_mtime_ns
            with running_probe(order_for(disk.place, place, fstab=fstab)) as probe:
                told, _ = probe.await_reading(lambda _: True)
        finally:
            run("umount", str(place))
        assert disk.place.stat().st_mtime_ns == before
    for mount in (mount_of(told, disk.place), mount_of(told, place)):
        assert mount.intent is Intent.READ_ONLY
        assert mount.write is WriteOutcome.UNTRIED


def test_only_left_overs_of_a_killed_probe_are_removed(tmp_path: Path) -> None:
    name = ".releve-probe-0123456789abcde"
    with mounted(tmp_path, "ext4") as disk:
        long_ago = time.time() - 3600
        old = disk.place / f"{name}0"
        kept = {name: disk.place / f"{name}{name_end}" for name_end, name in enumerate(
            ("young", "large", "strange", "folder", "linked", "link"), start=1
        )}  # fmt: skip
        for path in (old, kept["young"], kept["strange"], kept["linked"]):
            path.write_bytes(b"written")
        kept["large"].write_bytes(b"x" * 100_000)
        kept["folder"].mkdir()
        kept["link"].symlink_to("lost+found")
        os.link(kept["linked"], disk.place / "other name")
        os.chown(kept["strange"], 1234, 1234)
        for path in (old, *(one for name, one in kept.items() if name != "young")):
            os.utime(path, (long_ago, long_ago), follow_symlinks=False)
        with running_probe(order_for(disk.place, interval=1.0)) as probe:
            await_well(probe, disk.place)
            await_that(lambda: not old.exists())
        assert all(path.is_symlink() or path.exists() for path in kept.values())


def await_well(probe: RunningProbe, place: Path) -> None:
    probe.await_reading(
        lambda reading: mount_of(reading, place).write is WriteOutcome.WRITTEN, seconds=20
    )


def is_at(disk: Disk, outcome: WriteOutcome) -> Callable[[InsideReading], bool]:
    return lambda reading: mount_of(reading, disk.place).write is outcome


def children_of(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in found]


def await_that(holds: Callable[[], bool], *, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
