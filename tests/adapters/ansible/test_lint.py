"""What ansible-lint itself says of a branch, as a proof asks it."""

import os
from pathlib import Path

import pytest

from releve.adapters.ansible.lint import lint

CLEAN = """\
---
- name: Greet
  hosts: all
  tasks:
    - name: Say hello
      ansible.builtin.debug:
        msg: hello
"""


@pytest.mark.parametrize(
    ("playbook", "complaint"),
    [(CLEAN, ""), (CLEAN.replace("ansible.builtin.debug", "debug"), "fqcn")],
)
def test_a_branch_is_clean_or_its_rule_is_named(
    tmp_path: Path, playbook: str, complaint: str
) -> None:
    (tmp_path / "site.yml").write_text(playbook)
    said = lint(tmp_path, environment=dict(os.environ))
    assert complaint in said
    assert bool(said) is bool(complaint)
