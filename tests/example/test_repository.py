"""The example as it lies in the tree: no instance is needed."""

import hashlib
import json
from pathlib import Path

from releve.plan.loading import load_plan
from releve.plan.types import FileCheck, PytestCheck
from tests.example.repository import (
    REPOSITORY,
    VAULT,
    list_tasks,
    read_yaml,
    run_program,
)

# What is said of a task beside its module.
KEYWORDS = {
    "name", "when", "loop", "loop_control", "register", "notify", "tags", "no_log", "environment",
    "changed_when", "failed_when",
}  # fmt: skip


def test_playbook_is_valid() -> None:
    run_program("ansible-playbook", "site.yml", "--syntax-check")


def test_lint_finds_nothing_in_the_strictest_profile() -> None:
    settings = (REPOSITORY / ".ansible-lint").read_text()
    assert "profile: production" in settings
    run_program("ansible-lint")


def test_only_modules_of_ansible_core_are_used() -> None:
    modules = {key for task in list_tasks() for key in task if key not in KEYWORDS}
    assert modules
    assert {name for name in modules if not name.startswith("ansible.builtin.")} == set()


def test_each_role_has_its_tag() -> None:
    (play,) = read_yaml(REPOSITORY / "site.yml")
    roles = {entry["role"]: entry["tags"] for entry in play["roles"]}
    assert roles == {path.name: [path.name] for path in (REPOSITORY / "roles").iterdir()}


def test_packages_tag_installs_every_package_that_is_listed() -> None:
    listed = read_yaml(REPOSITORY / "inventory/group_vars/all/packages.yml")
    shown = run_program("ansible-playbook", "site.yml", "--tags", "packages", "--list-tasks")
    tagged = [task for task in list_tasks() if task["name"] in shown]
    installed = {str(task.get("ansible.builtin.apt", {}).get("name")) for task in tagged}
    assert {f"{{{{ {name} }}}}" for name in listed} <= installed


def test_vault_is_encrypted_and_its_secrets_are_nowhere_in_clear() -> None:
    assert (REPOSITORY / VAULT).read_text().startswith("$ANSIBLE_VAULT;1.1;AES256\n")
    secrets = read_vault()
    assert len(secrets) == 3
    for path in list_files():
        content = path.read_bytes()
        assert not [name for name, value in secrets.items() if value.encode() in content], path


def test_inventory_gives_the_playbook_its_secrets() -> None:
    variables = json.loads(run_program("ansible-inventory", "--host", "blog"))
    assert {name: variables[name] for name in read_vault()} == read_vault()


def test_plan_loads_and_names_the_inventory_s_address() -> None:
    plan = load_plan(REPOSITORY / "releve.yml").plan
    variables = json.loads(run_program("ansible-inventory", "--host", "blog"))
    host = plan.hosts["blog"]
    assert host.address == variables["ansible_host"] == variables["public_address"]
    assert {volume.mount for volume in host.volumes.values()} == {
        variables["data_mount"],
        variables["backup_mount"],
    }


def test_plan_checks_the_very_files_that_visitors_upload() -> None:
    checks = load_plan(REPOSITORY / "releve.yml").plan.hosts["blog"].checks
    sums = {Path(c.file).name: c.sha256 for c in checks if isinstance(c, FileCheck) and c.sha256}
    assert sums
    for name, expected in sums.items():
        assert hashlib.sha256((REPOSITORY / "tools" / name).read_bytes()).hexdigest() == expected
    assert [c.pytest for c in checks if isinstance(c, PytestCheck)] == ["checks/test_blog.py"]


def read_vault() -> dict[str, str]:
    secrets: dict[str, str] = read_yaml(run_program("ansible-vault", "view", str(VAULT)))
    assert all(len(value) >= 20 for value in secrets.values())
    return secrets


def list_files() -> list[Path]:
    found = [path for path in REPOSITORY.rglob("*") if path.is_file()]
    assert len(found) > 60
    return found
