"""The team's repository, unchanged, on a real sshd: what happens, what is told, what is left."""

import hashlib
import json
import subprocess
import time
from pathlib import Path

import pytest

from releve.adapters.ansible.converger import AnsibleConverger
from releve.adapters.ansible.programs import program_beside_python
from releve.errors import ConvergeFailed, PlanError
from releve.model.converge import Touch, TouchKind
from tests.adapters.ansible.conftest import MakeTeam
from tests.adapters.sshd import Sshd, make_key, read_host_key

ACCELERATORS = ("mitogen", "pipelining", "none")


def digest_tree(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("accelerator", ["mitogen", "pipelining"])
def test_whole_repository(make_team: MakeTeam, accelerator: str) -> None:
    team = make_team("team", RELEVE_ACCELERATOR=accelerator)
    before = digest_tree(team.repository)
    result = team.converge("site.yml")
    assert result.succeeded, result
    assert result.exit_code == 0
    assert result.accelerator.startswith(accelerator)
    assert result.reason == "web1: 6 tasks ok, 4 changed, none failed"
    assert [stats.host for stats in result.stats] == ["web1"]
    assert result.tasks == len(team.events) == 6
    written = {path.name: path.read_text() for path in team.target.iterdir()}
    assert written == {
        "greeting.txt": "hello from web1 at 192.0.2.10\nagain\n",
        "a.txt": "a.txt",
        "b.txt": "b.txt",
        "secret.txt": "CANARY-vault-8d1f",
    }
    assert digest_tree(team.repository) == before
    assert [path.name for path in team.work.iterdir()] == ["lock"]
    assert team.processes() == []
    (loop,) = team.events_of("Write several files")
    assert loop.touches == tuple(
        Touch(TouchKind.PATH, str(team.target / name)) for name in ("a.txt", "b.txt")
    )
    assert (loop.role, loop.location) == ("web", "roles/web/tasks/main.yml:14")
    assert (loop.action, loop.status) == ("ansible.builtin.copy", "changed")
    (handler,) = team.events_of("Say it again")
    assert handler.touches == (Touch(TouchKind.PATH, str(team.target / "greeting.txt")),)
    assert [name.rpartition(" : ")[2] for name in team.started] == [
        event.task for event in team.events
    ]
    assert "CANARY" not in repr(team.events) + repr(result)


def test_tags_and_skip_tags(make_team: MakeTeam) -> None:
    team = make_team("faults")
    (team.repository / "tagged.yml").write_text(
        "- hosts: web\n  tasks:\n"
        + "".join(
            f"    - {{name: {name}, ansible.builtin.command: 'true', tags: [{name}]}}\n"
            for name in ("early", "late", "never_this")
        )
    )
    assert team.converge("tagged.yml", tags=("early", "late"), skip_tags=("late",)).succeeded
    assert [event.task for event in team.events] == ["early"]


@pytest.mark.parametrize("accelerator", ACCELERATORS)
def test_only_the_host_is_led_elsewhere(
    make_team: MakeTeam, neighbour: Sshd, accelerator: str
) -> None:
    """host_vars beside the playbook, -F in ssh_args, a neighbour of the same name."""
    team = make_team(
        "traps",
        RELEVE_ACCELERATOR=accelerator,
        NEIGHBOUR_PORT=str(neighbour.port),
        NEIGHBOUR_KEY=neighbour.identity,
    )
    result = team.converge("playbooks/where.yml")
    assert result.succeeded, result
    name, here, there = json.loads((team.target / "where.json").read_text())
    assert name == "neighbour.example"
    assert int(here) == team.sshd.port
    assert int(there) == neighbour.port


def test_program_on_path_leads_by_name_and_port(make_team: MakeTeam) -> None:
    team = make_team("traps", NEIGHBOUR_PORT="4444", NEIGHBOUR_KEY="/nonexistent")
    (team.repository / "playbooks/host_vars/web1.yml").write_text(
        "ansible_host: old.example\nansible_port: 4444\n"
    )
    (team.repository / "playbooks/by_path.yml").write_text(
        "- hosts: web\n  connection: local\n  tasks:\n"
        "    - ansible.builtin.command: ssh -p 4444 old.example touch {{ d }}/led\n"
        '      vars: {d: \'{{ lookup("ansible.builtin.env", "TARGET_DIRECTORY") }}\',\n'
        "             ansible_python_interpreter: '{{ ansible_playbook_python }}'}\n"
    )
    assert team.converge("playbooks/by_path.yml").succeeded
    assert (team.target / "led").exists()


@pytest.mark.parametrize("accelerator", ACCELERATORS)
def test_another_host_key_is_refused_before_authentication(
    make_team: MakeTeam, tmp_path: Path, accelerator: str
) -> None:
    """F23, although this team's ansible.cfg and ssh.cfg switch host key checking off."""
    team = make_team(
        "traps", RELEVE_ACCELERATOR=accelerator, NEIGHBOUR_PORT="1", NEIGHBOUR_KEY="/nonexistent"
    )
    make_key(tmp_path / "other")
    door = team.sshd.door(host_keys=(read_host_key(tmp_path / "other.pub"),))
    lines_before = team.sshd.log.count("\n")
    result = team.converge("playbooks/where.yml", door=door)
    assert not result.succeeded
    assert "web1 could not be reached" in result.reason
    assert "ost key" in result.reason
    news = team.sshd.log.splitlines()[lines_before:]
    assert any("Connection from" in line for line in news)
    assert not any("Accepted" in line or "publickey" in line for line in news)


@pytest.mark.parametrize("way", ["inventory", "environment"])
def test_prompts_by_configuration_are_refused(make_team: MakeTeam, way: str) -> None:
    team = make_team("faults", **({"ANSIBLE_ASK_PASS": "yes"} if way == "environment" else {}))
    if way == "inventory":
        config = team.repository / "ansible.cfg"
        config.write_text(config.read_text() + "[privilege_escalation]\nbecome_ask_pass = True\n")
    with pytest.raises(ConvergeFailed, match="would ask a person") as caught:
        team.converge("failed.yml")
    assert caught.value.remedy


def test_world_writable_repository_is_refused(make_team: MakeTeam) -> None:
    team = make_team("faults")
    team.repository.chmod(0o777)
    with pytest.raises(ConvergeFailed, match="world-writable"):
        team.converge("failed.yml")


@pytest.mark.parametrize("host", ["web1:web2", "all", "web*", "!web1", "@list", "web1,web2", "~w"])
def test_a_pattern_is_no_host(make_team: MakeTeam, host: str) -> None:
    with pytest.raises(ConvergeFailed):
        make_team("faults").converge("failed.yml", host=host)


def test_unknown_host_gets_near_words(make_team: MakeTeam) -> None:
    with pytest.raises(ConvergeFailed, match="did you mean web1"):
        make_team("faults").converge("failed.yml", host="web11")


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("ansible_connection: paramiko", "only ssh can be led"),
        ("ansible_ssh_executable: /usr/bin/ssh", "which Relève must set"),
    ],
)
def test_inventory_that_cannot_be_led(make_team: MakeTeam, variable: str, words: str) -> None:
    team = make_team("faults")
    (team.repository / "host_vars").mkdir()
    (team.repository / "host_vars/web1.yml").write_text(variable + "\n")
    with pytest.raises(ConvergeFailed, match=words):
        team.converge("failed.yml")


def test_vaulted_file_is_read(make_team: MakeTeam) -> None:
    team = make_team("team")
    converger = AnsibleConverger(team.work, team.environment)
    read = converger.read_vaulted(str(team.repository), "inventory/group_vars/web/vault.yml")
    assert read == b"vaulted_secret: CANARY-vault-8d1f\n"
    for path in ("site.yml", "../outside", "absent"):
        with pytest.raises(PlanError):
            converger.read_vaulted(str(team.repository), path)
    (team.repository / "vault-password").write_text("wrong\n")
    with pytest.raises(PlanError, match="cannot be decrypted"):
        converger.read_vaulted(str(team.repository), "inventory/group_vars/web/vault.yml")


def test_own_overhead_is_small(make_team: MakeTeam) -> None:
    """Against ansible-playbook by hand on the same playbook; bound wide, for a busy machine."""
    team = make_team("faults", RELEVE_ACCELERATOR="none")
    started = time.monotonic()
    assert team.converge("all_skipped.yml").tasks == 1
    ours = time.monotonic() - started
    started = time.monotonic()
    subprocess.run(
        [program_beside_python("ansible-playbook"), "-l", "web1", "all_skipped.yml"],
        cwd=team.repository, env=team.environment, check=True, capture_output=True,
    )  # fmt: skip
    by_hand = time.monotonic() - started
    print(f"ours {ours:.2f} s, by hand {by_hand:.2f} s")
    assert ours < 3 * by_hand + 3
