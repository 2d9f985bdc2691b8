"""What a task of the team's sets is left to it; what it leaves alone is written beside it."""

import pytest

from releve.codify.plan import plan_changes
from releve.codify.types import CodifyPlan
from releve.model.converge import Touch, TouchKind
from releve.model.finding import Deviation
from releve.model.observed import FactKind
from tests.codify.builders import deviation, finding, path_touch, situation, task

PLAYBOOK = """\
---
- name: The shop
  hosts: blog
  tasks:
    - name: Make the account
      ansible.builtin.user:
        name: carol
        shell: /bin/bash
    - name: Make the web root
      ansible.builtin.file:
        path: /var/www/html
        state: directory
        mode: "0755"
"""
TOUCHES = (
    task("site.yml:5", "user", Touch(TouchKind.USER, "carol")),
    task("site.yml:9", "file", path_touch("/var/www/html")),
)
CAROL = {"uid": "1003", "shell": "/bin/bash", "password": "locked"}
ROOT = {"type": "directory", "mode": "0755", "owner": "root", "group": "root"}


def plan(found: Deviation) -> CodifyPlan:
    given = situation({"site.yml": PLAYBOOK.encode()}, touches=TOUCHES)
    return plan_changes([finding(found)], given)


def user(changed: dict[str, str]) -> Deviation:
    return deviation(FactKind.USER, "carol", CAROL | changed, CAROL)


def directory(**changed: str) -> Deviation:
    return deviation(FactKind.FILE, "/var/www/html", ROOT | changed, ROOT)


@pytest.mark.parametrize(
    ("found", "written"),
    [
        (user({"expires": "20818"}), b'expires: "1798675200"'),
        (user({"max_days": "90"}), b'max_days: "90"'),
        (user({"uid": "1010"}), b'uid: "1010"'),
        (directory(owner="deploy"), b"owner: !unsafe deploy"),
        (directory(group="www-data"), b"group: !unsafe www-data"),
    ],
)
def test_what_no_task_sets_is_written(found: Deviation, written: bytes) -> None:
    planned = plan(found)
    (change,) = planned.changes
    assert written in change.files["roles/catch_up_blog/vars/main.yml"]


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (user({"shell": "/bin/sh"}), "site.yml:5 sets that of this account"),
        (user({"shell": "/bin/sh", "expires": "20818"}), "site.yml:5 sets that of this account"),
        (directory(mode="0775"), "site.yml:9 sets its mode"),
        (directory(mode="0775", owner="deploy"), "site.yml:9 sets its mode and owner"),
    ],
)
def test_what_a_task_would_set_back_is_left_to_it(found: Deviation, reason: str) -> None:
    planned = plan(found)
    assert not planned.changes
    (refused,) = planned.not_codifiable
    assert refused.left_out[0].reason.startswith(reason)


def test_an_account_that_expires_no_more() -> None:
    found = deviation(FactKind.USER, "carol", CAROL, CAROL | {"expires": "20818"})
    (change,) = plan(found).changes
    assert b'expires: "-1"' in change.files["roles/catch_up_blog/vars/main.yml"]
