"""What ansible-lint itself says of a branch, as a proof asks it."""

import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from releve.adapters.ansible.lint import lint_branch

CLEAN = """\
---
- name: Greet
  hosts: all
  tasks:
    - name: Say hello
      ansible.builtin.debug:
        msg: hello
"""


SHORT = CLEAN.replace("ansible.builtin.debug", "debug")


@pytest.fixture
def branch(tmp_path: Path) -> Path:
    """Clean, beside a role of others that is not."""
    for name in ("base", "branch"):
        (tmp_path / name / "roles/others/tasks").mkdir(parents=True)
        (tmp_path / name / "roles/others/tasks/main.yml").write_text("- debug: msg=hello\n")
        (tmp_path / name / "site.yml").write_text(CLEAN)
    return tmp_path / "branch"


def lint(branch: Path, *changed: str) -> str:
    return lint_branch(
        branch,
        changed=changed,
        check_out_base=lambda: nullcontext(branch.parent / "base"),
        environment=dict(os.environ),
    )


def test_what_others_wrote_does_not_speak_against_a_branch(branch: Path) -> None:
    assert lint(branch, "site.yml") == ""


def test_a_rule_that_the_branch_breaks_is_named(branch: Path) -> None:
    (branch / "site.yml").write_text(SHORT)
    said = lint(branch, "site.yml")
    assert "fqcn" in said
    assert "site.yml:6" in said
    assert "roles/others" not in said


def test_a_rule_that_the_file_broke_before_is_the_teams_own(branch: Path) -> None:
    (branch.parent / "base/site.yml").write_text(SHORT)
    (branch / "site.yml").write_text(SHORT.replace("hello", "welcome"))
    assert lint(branch, "site.yml") == ""
    (branch / "site.yml").write_text(SHORT + SHORT.partition("tasks:\n")[2])
    assert "fqcn" in lint(branch, "site.yml")


def test_one_that_cannot_be_read_is_no_clean_branch(branch: Path) -> None:
    (branch / "site.yml").write_text("- hosts: [\n")
    assert lint(branch, "site.yml") != ""
