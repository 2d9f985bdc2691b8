"""Accounts of a real MariaDB, seen by the real collector, brought back by the real Ansible."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from releve.adapters.ansible.accelerator import read_installed
from releve.adapters.ansible.lint import lint_branch
from releve.adapters.ansible.programs import program_beside_python
from releve.adapters.ansible.vault import encrypt_text
from releve.adapters.git.repository import GitRepository
from releve.adapters.store import open_store
from releve.codify.hand_over import Proposal, Sources, make_branch, propose
from releve.codify.types import Encrypt, RepositoryView
from releve.model.finding import Deviation
from releve.model.observed import Fact
from releve.scan.database_logins import read_database_logins
from tests.codify.builders import deviation, fake_encrypt, finding, git, make_repository
from tests.codify.real_mariadb import Server, ServerAccess, require_mariadb, run_server
from tests.fakes.observed_store import FakeObservedStore
from tests.scan.local_access import DOOR

pytestmark = pytest.mark.real

FILES = {
    "ansible.cfg": b"[defaults]\ninventory = inventory/hosts.yml\n"
    b"vault_password_file = vault-password\n",
    "vault-password": b"only for this test\n",
    "inventory/hosts.yml": b"all:\n  hosts:\n    blog:\n      ansible_connection: local\n"
    b"      ansible_python_interpreter: '{{ ansible_playbook_python }}'\n",
    "site.yml": b"---\n- name: Make the host\n  hosts: blog\n  gather_facts: false\n"
    b"  environment:\n    HOME: \"{{ lookup('env', 'HOME') }}\"\n  roles:\n    - role: team\n",
    "roles/team/tasks/main.yml": b"---\n",
    ".ansible-lint": b"profile: production\noffline: true\n",
}
VIEW = RepositoryView("blog", {}, "site.yml", ("inventory/hosts.yml",), {})
BY_HAND = r"""
CREATE DATABASE shop; CREATE TABLE shop.orders (id INT); CREATE TABLE shop.people (name TEXT);
CREATE USER `shop`@`localhost` IDENTIFIED BY 'hunter2-canary';
GRANT ALL PRIVILEGES ON `shop\_%`.* TO `shop`@`localhost`;
GRANT SELECT, INSERT ON shop.orders TO `shop`@`localhost` WITH GRANT OPTION;
GRANT UPDATE, SELECT (name) ON shop.people TO `shop`@`localhost`;
CREATE USER `report-1`@`10.0.0.0/255.255.255.0` IDENTIFIED BY 'other-canary';
GRANT PROCESS, REPLICATION CLIENT ON *.* TO `report-1`@`10.0.0.0/255.255.255.0`;
CREATE USER `backup`@`localhost` IDENTIFIED VIA unix_socket;
GRANT SELECT, LOCK TABLES ON *.* TO `backup`@`localhost` WITH GRANT OPTION;
CREATE USER `both`@`%` IDENTIFIED VIA mysql_native_password USING PASSWORD('x') OR unix_socket;
CREATE USER `open`@`localhost`;
"""
OTHERWISE = """
SET PASSWORD FOR `shop`@`localhost` = PASSWORD('another');
ALTER USER `backup`@`localhost` IDENTIFIED BY 'y';
ALTER USER `open`@`localhost` IDENTIFIED BY 'y' REQUIRE SSL;
REVOKE GRANT OPTION ON *.* FROM `backup`@`localhost`;
REVOKE PROCESS ON *.* FROM `report-1`@`10.0.0.0/255.255.255.0`;
"""
NOT_OURS = """
GRANT UPDATE, SELECT (name) ON shop.people TO `shop`@`localhost`;
ALTER USER `open`@`localhost` REQUIRE NONE;
"""
ACCOUNTS = ("backup@localhost", "both@%", "open@localhost", "report-1@10.0.0.0/255.255.255.0")


@dataclass(frozen=True)
class Ground:
    server: Server
    store: FakeObservedStore
    repository: Path

    def scan(self) -> dict[str, Fact]:
        return self.server.scan(self.store.secret_for("blog"))

    def codify(self, deviations: Sequence[Deviation], encrypt: Encrypt = fake_encrypt) -> Proposal:
        found = [finding(one) for one in deviations]
        access = ServerAccess(server=self.server)
        sources = Sources(
            repository=GitRepository(self.repository),
            observed=self.store,
            journal=open_store(self.repository.parent / "state", "")[0],
            fetch=lambda _paths: {},
            fetch_logins=lambda names: read_database_logins(access, DOOR, names),
            encrypt=encrypt,
            drill_id="",
        )
        proposal = propose(found, open_findings=found, view=VIEW, sources=sources)
        assert not [words for words in access.commands if "`" in " ".join(words)]
        return proposal

    def encrypt(self, clear: bytes) -> bytes:
        return encrypt_text(self.repository, clear, environment=dict(os.environ))

    def check_out(self, proposal: Proposal) -> str:
        """All that git has of it."""
        make_branch(proposal, "codified", GitRepository(self.repository))
        git(self.repository, "checkout", "--quiet", "codified")
        return git(self.repository, "log", "--patch", "codified")

    def converge(self) -> int:
        """How many tasks say that they changed something; no hash is in what is said."""
        environment = {
            **self.server.environment,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_STRATEGY": "mitogen_linear",
            "ANSIBLE_STRATEGY_PLUGINS": read_installed().strategy_directory,
        }
        done = subprocess.run(
            [program_beside_python("ansible-playbook"), "-vvv", "--diff", "site.yml"],
            cwd=self.repository,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        assert not re.search(r"\*[0-9A-F]{40}", done.stdout + done.stderr)
        found = re.search(r"changed=(\d+)", done.stdout.rpartition("PLAY RECAP")[2])
        assert found is not None
        return int(found[1])


@pytest.fixture
def ground(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    require_mariadb()
    repository = make_repository(tmp_path / "team", FILES)
    with run_server(tmp_path_factory.mktemp("db")) as server:
        yield Ground(server, FakeObservedStore(), repository)


@pytest.mark.timeout(120)
def test_accounts_come_back_with_passwords_and_grants_and_no_hash_is_in_clear(
    ground: Ground,
) -> None:
    server = ground.server
    before = ground.scan()
    server.ask(BY_HAND)
    live = ground.scan()
    assert live.keys() - before.keys() == {
        f"mariadb {name}" for name in (*ACCOUNTS, "shop@localhost")
    }
    stored = set(re.findall(r"\*[0-9A-F]{40}", server.ask("SELECT * FROM mysql.global_priv")))
    assert len(stored) == 3
    extra = [one for key, one in sorted(live.items()) if key not in before]
    proposal = ground.codify(differing(extra), ground.encrypt)
    assert [one.finding.subject for one in proposal.plan.not_codifiable] == []
    (left,) = [one for change in proposal.plan.changes for one in change.left_out]
    assert (left.key, "single columns" in left.reason) == ("mariadb shop@localhost", True)
    committed = ground.check_out(proposal)
    assert [text for text in stored if text in committed or text[1:] in committed] == []
    changed = [path for change in proposal.plan.changes for path in change.files]
    assert lint(ground, changed) == ""

    server.ask("".join(f"DROP USER {quote(one.key)};" for one in extra) + "DROP TABLE shop.orders")
    assert ground.converge() == 2
    server.ask("CREATE TABLE shop.orders (id INT);" + OTHERWISE)
    assert ground.converge() == 2
    assert ground.converge() == 0
    server.ask(NOT_OURS)
    assert ground.scan() == live


@pytest.mark.timeout(60)
def test_what_changed_since_the_scan_is_not_written(ground: Ground) -> None:
    before = ground.scan()
    ground.server.ask(BY_HAND)
    live = ground.scan()
    ground.server.ask(
        "ALTER USER `shop`@`localhost` IDENTIFIED BY 'since';DROP USER `open`@localhost"
    )
    extra = [one for key, one in sorted(live.items()) if key not in before]
    proposal = ground.codify(differing(extra))
    refused = {one.finding.subject: one.left_out[0].reason for one in proposal.plan.not_codifiable}
    assert refused.keys() == {"mariadb shop@localhost", "mariadb open@localhost"}
    assert all("changed meanwhile" in reason for reason in refused.values())


def lint(ground: Ground, changed: Sequence[str]) -> str:
    return lint_branch(
        ground.repository,
        changed=changed,
        check_out_base=lambda: nullcontext(ground.repository),
        environment=dict(os.environ),
    )


def differing(facts: Sequence[Fact]) -> list[Deviation]:
    return [deviation(one.kind, one.key, one.attributes) for one in facts]


def quote(key: str) -> str:
    user, _, host = key.removeprefix("mariadb ").rpartition("@")
    return f"`{user}`@`{host}`"
