"""A kernel limit is raised once and put back as it was, unless somebody else has set it."""

from pathlib import Path

import pytest

from releve.lab.limits import Limit, raise_limit, restore_limit


@pytest.fixture
def limit(tmp_path: Path) -> Limit:
    (tmp_path / "setting").write_text("128\n")
    return Limit(tmp_path / "setting", tmp_path / "note", wanted=1024)


def test_it_is_raised_and_put_back(limit: Limit) -> None:
    assert "from 128 to 1024" in raise_limit(limit)
    assert raise_limit(limit) == ""
    assert limit.setting.read_text() == "1024\n"
    assert "back to 128" in restore_limit(limit)
    assert limit.setting.read_text() == "128\n"
    assert not limit.note.exists()
    assert restore_limit(limit) == ""


def test_a_higher_one_is_left_alone(limit: Limit) -> None:
    limit.setting.write_text("4096\n")
    assert raise_limit(limit) == restore_limit(limit) == ""
    assert limit.setting.read_text() == "4096\n"


def test_what_a_person_set_meanwhile_stays(limit: Limit) -> None:
    raise_limit(limit)
    limit.setting.write_text("2048\n")
    assert restore_limit(limit) == ""
    assert limit.setting.read_text() == "2048\n"


def test_a_kill_between_note_and_setting_does_not_lose_the_first_value(limit: Limit) -> None:
    limit.note.write_text("128\n")
    raise_limit(limit)
    restore_limit(limit)
    assert limit.setting.read_text() == "128\n"
