"""dpkg waits for no disk during a converge, and is as it was before when it has ended."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from releve.adapters.ansible.package_sync import VARIABLE, render_resume, render_suspend
from tests.adapters.ansible.conftest import MakeTeam

FILE = Path("/etc/dpkg/dpkg.cfg.d/releve-converge")


def run(script: str) -> int:
    return subprocess.run(["sh", "-c", script], check=False).returncode


def test_scripts(tmp_path: Path) -> None:
    assert run(render_suspend(str(tmp_path))) == 0
    assert [path.read_text() for path in tmp_path.iterdir()] == ["force-unsafe-io\n"]
    assert run(render_resume(str(tmp_path))) == 0
    assert list(tmp_path.iterdir()) == []
    assert run(render_resume(str(tmp_path))) == 0, "again is harmless"
    assert run(render_suspend(str(tmp_path / "absent"))) == 3


# one file of this machine: the two must not run side by side
@pytest.mark.xdist_group("dpkg-of-this-machine")
@pytest.mark.skipif(not FILE.parent.is_dir(), reason="this machine has no dpkg")
@pytest.mark.parametrize("playbook", ["rescued.yml", "failed.yml"])
def test_only_while_it_converges(make_team: MakeTeam, playbook: str) -> None:
    """The host under test is this machine, over a real sshd."""
    team = make_team("faults", **{VARIABLE: "as quick as can be"})
    seen: list[bool] = []

    def look() -> bool:
        if team.started:
            seen.append(FILE.exists())
        return False

    team.should_stop = look
    result = team.converge(playbook)
    assert result.succeeded is (playbook == "rescued.yml"), result
    assert seen
    assert all(seen)
    assert not FILE.exists()
    assert result.accelerator.endswith("; dpkg without fsync")


def test_not_by_ansible_s_defaults_nor_where_nobody_answers(make_team: MakeTeam) -> None:
    team = make_team("faults", RELEVE_ACCELERATOR="none", **{VARIABLE: ""})
    assert "fsync" not in team.converge("rescued.yml").accelerator
    closed = replace(team.sshd.door(), port=1)
    team.environment["RELEVE_ACCELERATOR"] = "pipelining"
    assert "fsync" not in team.converge("rescued.yml", door=closed).accelerator
