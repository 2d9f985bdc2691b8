"""list_problems: one clear sentence per mistake, no host touched."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from releve.adapters.ansible import inventory
from releve.adapters.ansible.converger import AnsibleConverger
from releve.adapters.ansible.problems import _old_core
from releve.errors import ConvergeFailed
from tests.adapters.ansible.conftest import MakeTeam, Team


def write(team: Team, name: str, text: str) -> None:
    path = team.repository / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_good_repository_has_none(make_team: MakeTeam) -> None:
    team = make_team("team")
    logins = team.sshd.log.count("Accepted")
    started = time.monotonic()
    assert team.list_problems("site.yml") == ()
    print(f"list_problems took {time.monotonic() - started:.2f} s")
    assert team.sshd.log.count("Accepted") == logins
    assert not team.work.exists()


@pytest.mark.parametrize(
    ("playbook", "words"),
    [
        ("- hosts: web\n  roles: [acme.nginx]\n", "run ansible-galaxy role install acme.nginx"),
        ("- hosts: web\n  tasks: [{community.mysql.mysql_db: {name: x}}]\n",
         "run ansible-galaxy collection install community.mysql"),
        ("- hosts: web\n  tasks: [{apt: {name: x}, wen: true}]\n", "wen"),
        ("- hosts: [\n", "YAML"),
        ("- hosts: web\n  tasks: [{import_tasks: absent.yml}]\n", "absent.yml"),
        ("- hosts: gone1\n  tasks: []\n", "no play of play.yml is for web1"),
        ("- hosts: all:!web1\n  tasks: []\n", "no play of play.yml is for web1"),
        ("- hosts: web\n  vars_prompt: [{name: x}]\n  tasks: []\n", "play.yml:2 asks a person"),
        ("- import_playbook: sub/asks.yml\n", "asks.yml:3 asks a person"),
        ("", "play.yml"),
    ],
)  # fmt: skip
def test_playbooks(make_team: MakeTeam, playbook: str, words: str) -> None:
    team = make_team("faults")
    write(team, "play.yml", playbook)
    write(team, "sub/asks.yml", "---\n- hosts: web\n  vars_prompt:\n    - name: x\n  tasks: []\n")
    problems = team.list_problems("play.yml")
    assert any(words in problem for problem in problems), problems
    assert len(problems) == 1


def test_requirements_are_named_where_the_team_has_them(make_team: MakeTeam) -> None:
    team = make_team("faults")
    write(team, "play.yml", "- hosts: web\n  roles: [acme.nginx]\n")
    write(team, "roles/requirements.yml", "- acme.nginx\n")
    (problem,) = team.list_problems("play.yml")
    assert "run ansible-galaxy install -r roles/requirements.yml" in problem


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"playbook": "absent.yml"}, "absent.yml does not exist"),
        ({"host": "web11"}, "did you mean web1?"),
        ({"host": "zzz"}, "it holds gone1, web1"),
        ({"host": "web*"}, "not the name of one inventory host"),
        ({"inventory": ("absent.ini",)}, "absent.ini"),
        ({"repository": "/nonexistent"}, "cannot be read"),
    ],
)
def test_requests(make_team: MakeTeam, changes: dict[str, object], words: str) -> None:
    team = make_team("faults")
    problems = team.list_problems(**({"playbook": "failed.yml"} | changes))  # type: ignore[arg-type]  # fields by name
    assert any(words in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[privilege_escalation]\nbecome_ask_pass = yes\n", "would ask a person"),
        ("[inventory]\nenable_plugins = ini\n", "add yaml to enable_plugins"),
        ("broken\n", "cannot be read"),
    ],
)
def test_configuration(make_team: MakeTeam, config: str, words: str) -> None:
    team = make_team("faults")
    path = team.repository / "ansible.cfg"
    path.write_text(config if config == "broken\n" else path.read_text() + config)
    problems = team.list_problems("failed.yml")
    assert any(words in problem for problem in problems), problems


def test_vault_without_password(make_team: MakeTeam) -> None:
    team = make_team("team")
    (team.repository / "vault-password").write_text("wrong\n")
    problems = team.list_problems("site.yml")
    assert any("vault" in problem.lower() or "decrypt" in problem.lower() for problem in problems)
    (team.repository / "vault-password").unlink()
    assert team.list_problems("site.yml")


def test_vault_password_from_the_environment(make_team: MakeTeam, tmp_path: Path) -> None:
    team = make_team("team")
    password = team.repository / "vault-password"
    password.rename(tmp_path / "elsewhere")
    config = team.repository / "ansible.cfg"
    config.write_text(config.read_text().replace("vault_password_file = vault-password\n", ""))
    assert team.list_problems("site.yml")
    team.environment["ANSIBLE_VAULT_PASSWORD_FILE"] = str(tmp_path / "elsewhere")
    assert team.list_problems("site.yml") == ()


def test_connection_that_cannot_be_led(make_team: MakeTeam) -> None:
    team = make_team("faults")
    write(team, "host_vars/web1.yml", "ansible_connection: community.docker.docker\n")
    (problem,) = team.list_problems("failed.yml")
    assert "only ssh can be led to a new instance" in problem


def test_door_without_keys_is_enough(make_team: MakeTeam) -> None:
    team = make_team("faults")
    door = replace(team.sshd.door(), host_keys=())
    assert team.list_problems("failed.yml", door=door) == ()


@pytest.mark.parametrize(
    ("version", "old"), [((2, 18, 0), True), ((2, 18, 1), False), ((2, 20), False), ((2, 9), True)]
)
def test_oldest_core(version: tuple[int, ...], old: object) -> None:
    assert bool(_old_core(version)) is old


def test_inventory_is_read_once_until_a_file_changes(
    make_team: MakeTeam, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = make_team("faults")
    reads: list[str] = []
    read = inventory._read

    def count(query: inventory.Query, selection: str) -> Mapping[str, Any]:
        reads.append(selection)
        return read(query, selection)

    monkeypatch.setattr(inventory, "_read", count)
    converger = AnsibleConverger(team.work, team.environment)
    request = team.request("rescued.yml")
    assert converger.list_problems(request) == ()
    assert converger.converge(request, watch=team.watch).succeeded
    assert reads == ["--list"]
    write(team, "host_vars/web1.yml", "ansible_connection: local\n")
    with pytest.raises(ConvergeFailed, match="only ssh can be led"):
        converger.converge(request, watch=team.watch)
    assert reads == ["--list", "--host=web1"]
