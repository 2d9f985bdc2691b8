"""What a lab writes down, the locks that keep two apart, and the directory it may remove."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from releve.errors import LabError
from releve.lab.locks import hold_lock
from releve.lab.record import HostRecord, LabRecord, VolumeRecord, read_record, write_record
from releve.lab.settings import LabSettings, RootFilesystem
from releve.lab.sweep import claim_directory, require_own

RECORD = LabRecord(
    name="lab",
    engine="lxd",
    bridge="rlv00000000",
    subnet="10.64.1.0/24",
    mtu=1400,
    copy_on_write=True,
    hosts=(HostRecord("blog", RootFilesystem.XFS, "10.64.1.10", "198.51.100.10"),),
    volumes=(VolumeRecord("blog", "data", "2GiB", "/srv/data"),),
)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    for record in (RECORD, replace(RECORD, complete=True)):
        write_record(tmp_path / "lab.json", record)
        assert read_record(tmp_path / "lab.json") == record
    assert [path.name for path in tmp_path.iterdir()] == ["lab.json"]


def test_no_record_is_no_lab(tmp_path: Path) -> None:
    assert read_record(tmp_path / "lab.json") is None


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "null", '{"version": 99}', '{"version": 1}', '{"version": 1, "x": 2}']
)
def test_a_damaged_record_says_so_and_what_to_do(tmp_path: Path, damage: str) -> None:
    (tmp_path / "lab.json").write_text(damage)
    with pytest.raises(LabError) as caught:
        read_record(tmp_path / "lab.json")
    assert "lab down" in caught.value.remedy


def test_a_volume_is_named_as_the_provider_names_it() -> None:
    assert RECORD.volumes_of("blog")[0].identity == "blog-data/data"
    assert RECORD.volumes_of("other") == ()


def test_a_lock_is_held_against_another_process_and_ends_with_its_holder(tmp_path: Path) -> None:
    name = f"test-{tmp_path.name}"
    program = (
        "import sys, time; from releve.lab.locks import hold_lock\n"
        f"with hold_lock({name!r}, wait_seconds=0, holder='testing'):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LabError, match="at work"):
            _take(name)
    finally:
        holder.kill()
        holder.communicate()
    _take(name)


def _take(name: str) -> None:
    with hold_lock(name, wait_seconds=0, holder="at work"):
        pass


def test_a_directory_with_anything_else_in_it_is_neither_used_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years")
    paths = LabSettings("lab", directory=tmp_path).paths
    for act in (claim_directory, require_own):
        with pytest.raises(LabError, match="not a lab's"):
            act(paths)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_claimed_directory_is_the_labs_own(tmp_path: Path) -> None:
    paths = LabSettings("lab", directory=tmp_path / "deep" / "lab").paths
    claim_directory(paths)
    (paths.directory / "anything").write_text("")
    require_own(paths)
    assert paths.directory.stat().st_mode & 0o777 == 0o711  # instances pass, nobody lists
