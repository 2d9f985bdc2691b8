"""What the machine lacks is told before anything is made."""

from pathlib import Path

import pytest

from releve.errors import LabError
from releve.lab import readiness
from releve.lab.settings import LabSettings, RootFilesystem


def test_missing_programs_are_named_with_their_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("apt-config", "blkid", "ip", "losetup", "tar"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError) as caught:
        readiness.require_programs(LabSettings(directory=tmp_path))
    assert "mmdebstrap" in caught.value.what
    assert "blkid" not in caught.value.what
    assert "dnsmasq-base" in caught.value.remedy
    assert "xfsprogs" not in caught.value.remedy

    xfs = LabSettings(directory=tmp_path, root_filesystem=RootFilesystem.XFS)
    with pytest.raises(LabError, match=r"mkfs\.xfs"):
        readiness.require_programs(xfs)


def test_a_package_is_named_once() -> None:
    assert readiness.name_packages(["blkid", "setpriv", "ip"]) == ("iproute2", "util-linux")


def test_room_is_asked_of_the_disk_that_will_hold_the_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readiness.require_space(tmp_path / "not" / "there" / "yet")
    monkeypatch.setattr(readiness, "_FREE_BYTES", 2**60)
    with pytest.raises(LabError, match="too little room"):
        readiness.require_space(tmp_path / "not" / "there" / "yet")
