"""The controller's own disk fails in the middle of a run: the process ends, the run resumes."""

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from releve.errors import JournalError
from releve.workflow.engine import Engine, EngineSettings
from releve.workflow.hooks import INSTANTS, Strike
from releve.workflow.patience import Patience
from tests.crash.harness import Kill, Point, live_once
from tests.workflow.toy import LIST, count_effects, toy_catalogue, toy_outside, toy_run

ONE_EACH = dict.fromkeys(sorted(LIST), 1)


@dataclass(frozen=True)
class BreakingLife:
    """Breaks the disk of the state directory at one instant, and goes on."""

    at: Point
    how: str

    def __call__(self, directory: Path, strike: Strike) -> str:
        broken = False

        def strike_and_break(step: str, instant: str) -> None:
            nonlocal broken
            strike(step, instant)
            if (step, instant) == (self.at.step, self.at.instant) and not broken:
                broken = True
                BREAKS[self.how](directory)

        outside = toy_outside(directory)
        settings = EngineSettings(directory / "state", strike=strike_and_break, patience=Patience())
        try:
            return Engine(outside, toy_catalogue(directory), settings).drive(toy_run()).state
        except JournalError as error:
            return f"exit {error.exit_code}: {error.remedy}"


def fill_disk(directory: Path) -> None:
    # page by page: a step beside this one may take room meanwhile
    page = bytes(os.statvfs(directory / "state").f_frsize)
    with (
        (directory / "state" / "ballast").open("wb", buffering=0) as file,
        contextlib.suppress(OSError),
    ):
        while True:
            file.write(page)


def break_ext4(directory: Path) -> None:
    """What a bad sector does: the kernel remounts the file system read-only."""
    device = (directory / "state").stat().st_dev
    name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
    Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("1")


def break_checkpoints(directory: Path) -> None:
    """The step's effect happened and is journaled, and dbos alone cannot write it down."""
    with closing(sqlite3.connect(directory / "state" / "engine.db")) as connection:
        connection.execute(
            "create trigger broken before insert on operation_outputs"
            " begin select raise(abort, 'disk I/O error'); end"
        )


BREAKS = {"full": fill_disk, "ext4-error": break_ext4, "checkpoints": break_checkpoints}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "state").mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path / "state")]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs: run as root")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path / "state")], check=True)


@pytest.mark.real
@pytest.mark.parametrize("instant", INSTANTS)
@pytest.mark.parametrize("step", ["alpha", "create", "report"])
def test_a_full_disk_ends_the_process_and_the_run_resumes(
    small_disk: Path, step: str, instant: str
) -> None:
    life = live_once(BreakingLife(Point(step, instant), "full"), small_disk)
    assert life.ending.startswith("exit 75") or (step, instant) == ("report", "after_commit")
    (small_disk / "state" / "ballast").unlink()
    assert live_once(BreakingLife(Point("none", ""), "full"), small_disk).ending == "DONE"
    assert count_effects(small_disk) == ONE_EACH


@dataclass(frozen=True)
class Ext4Disk:
    image: Path
    place: Path

    def mount(self) -> int:
        options = "loop,errors=remount-ro"
        command = ["mount", "-o", options, str(self.image), str(self.place)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    def repair(self) -> None:
        subprocess.run(["umount", str(self.place)], check=True)
        subprocess.run(["e2fsck", "-fy", str(self.image)], capture_output=True, check=False)
        assert self.mount() == 0


@pytest.fixture
def ext4_disk(tmp_path: Path) -> Iterator[Ext4Disk]:
    disk = Ext4Disk(tmp_path / "image", tmp_path / "state")
    disk.place.mkdir()
    with disk.image.open("wb") as file:
        file.truncate(16 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", str(disk.image)], check=True)
    if disk.mount() != 0:
        pytest.skip("cannot mount a loop device: run as root")
    yield disk
    subprocess.run(["umount", "-l", str(disk.place)], check=True)


@pytest.mark.real
@pytest.mark.parametrize("instant", INSTANTS)
def test_a_read_only_disk_ends_the_process_and_the_run_resumes(
    ext4_disk: Ext4Disk, tmp_path: Path, instant: str
) -> None:
    life = live_once(BreakingLife(Point("create", instant), "ext4-error"), tmp_path)
    assert life.ending.startswith("exit 75")
    ext4_disk.repair()
    assert live_once(BreakingLife(Point("none", ""), "full"), tmp_path).ending == "DONE"
    assert count_effects(tmp_path) == ONE_EACH


@pytest.mark.parametrize("step", ["alpha", "create", "report"])
def test_a_commit_that_fails_ends_the_process_and_the_run_resumes(
    tmp_path: Path, step: str
) -> None:
    life = live_once(BreakingLife(Point(step, "after_effect"), "checkpoints"), tmp_path)
    assert life.ending.startswith("exit 75")
    assert "releve resume toyrun" in life.ending
    with closing(sqlite3.connect(tmp_path / "state" / "engine.db")) as connection:
        (status,) = connection.execute("select status from workflow_status").fetchone()
        connection.execute("drop trigger broken")
    assert status == "PENDING"
    assert live_once(BreakingLife(Point("none", ""), "full"), tmp_path).ending == "DONE"
    assert count_effects(tmp_path) == ONE_EACH


def test_a_kill_while_the_disk_is_full_resumes_as_well(small_disk: Path) -> None:
    # the last step has no neighbour that would meet the full disk before the kill
    scenario = BreakingLife(Point("report", "after_intent"), "full")
    kill = Kill(Point("report", "after_effect"))
    assert live_once(scenario, small_disk, kill=kill).killed
    (small_disk / "state" / "ballast").unlink()
    assert live_once(BreakingLife(Point("none", ""), "full"), small_disk).ending == "DONE"
    assert count_effects(small_disk) == ONE_EACH
