"""Accounts of real databases, seen by the real collectors, brought back by the real Ansible."""

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
from tests.codify.real_databases import (
    DatabaseAccess,
    Databases,
    require_databases,
    run_mariadb,
)
from tests.fakes.observed_store import FakeObservedStore
from tests.postgres import PostgresServer
from tests.scan.local_access import DOOR

pytestmark = pytest.mark.real

FILES = {
    "ansible.cfg": b"[defaults]\ninventory = inventory/hosts.yml\n"
    b"vault_password_file = vault-password\n",
    "vault-password": b"only for this test\n",
    "inventory/hosts.yml": b"all:\n  hosts:\n    blog:\n      ansible_connection: local\n"
    b"      ansible_python_interpreter: '{{ ansible_playbook_python }}'\n"
    b"      home: \"{{ lookup('env', 'HOME') }}\"\n"
    b"      pg_host: \"{{ lookup('env', 'PGHOST') }}\"\n"
    b"      pg_port: \"{{ lookup('env', 'PGPORT') }}\"\n",
    "site.yml": b"---\n- name: Make the host\n  hosts: blog\n  gather_facts: false\n"
    b"  environment: {HOME: '{{ home }}', PGHOST: '{{ pg_host }}', PGPORT: '{{ pg_port }}'}\n"
    b"  roles:\n    - role: team\n",
    "roles/team/tasks/main.yml": b"---\n",
    ".ansible-lint": b"profile: production\noffline: true\n",
}
VIEW = RepositoryView("blog", {}, "site.yml", ("inventory/hosts.yml",), {})
IN_MARIADB = r"""
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
CREATE TABLE shop.orders (id INT); CREATE TABLE shop.people (name TEXT);
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
STORED = re.compile(r"\*[0-9A-F]{40}|SCRAM-SHA-256\$[0-9]")
ACCOUNTS = (
    "`shop`@`localhost`",
    "`report-1`@`10.0.0.0/255.255.255.0`",
    "`backup`@`localhost`",
    "`both`@`%`",
    "`open`@`localhost`",
)
IN_POSTGRESQL = """
CREATE ROLE "my-readers"; CREATE ROLE shop LOGIN CREATEDB PASSWORD 'hunter2-canary';
CREATE ROLE app LOGIN NOINHERIT CONNECTION LIMIT 3 PASSWORD 'other-canary';
CREATE DATABASE shop OWNER shop;
GRANT "my-readers" TO shop WITH ADMIN OPTION; GRANT shop TO app;
GRANT CONNECT, TEMPORARY ON DATABASE shop TO app;
"""
SETTING = "ALTER ROLE shop SET work_mem = '8MB';"
OTHERWISE_IN_POSTGRESQL = """
ALTER ROLE shop SUPERUSER PASSWORD 'x'; ALTER ROLE app PASSWORD NULL;
ALTER DATABASE shop OWNER TO postgres; REVOKE ADMIN OPTION FOR "my-readers" FROM shop;
REVOKE CONNECT ON DATABASE shop FROM app;
"""
DROPPED = """
DROP DATABASE IF EXISTS shop; DROP ROLE IF EXISTS shop; DROP ROLE IF EXISTS app;
DROP ROLE IF EXISTS "my-readers";
"""


@dataclass(frozen=True)
class Ground:
    databases: Databases
    store: FakeObservedStore
    repository: Path

    def scan(self) -> dict[tuple[str, str], Fact]:
        return self.databases.scan(self.store.secret_for("blog"))

    def codify(self, deviations: Sequence[Deviation], encrypt: Encrypt = fake_encrypt) -> Proposal:
        found = [finding(one) for one in deviations]
        access = DatabaseAccess(databases=self.databases)
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
        assert not [words for words in access.commands if "shop" in " ".join(words)]
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
            **self.databases.environment,
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
        assert not STORED.search(done.stdout + done.stderr)
        found = re.search(r"changed=(\d+)", done.stdout.rpartition("PLAY RECAP")[2])
        assert found is not None
        return int(found[1])


@pytest.fixture
def ground(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer
) -> Iterator[Ground]:
    require_databases()
    repository = make_repository(tmp_path / "team", FILES)
    home = tmp_path_factory.mktemp("db")
    with run_mariadb(home):
        databases = Databases(home, postgres)
        try:
            yield Ground(databases, FakeObservedStore(), repository)
        finally:
            databases.ask_postgresql(DROPPED)  # the cluster is other tests' too


@pytest.mark.timeout(600)  # a loaded machine takes its time
def test_accounts_come_back_with_passwords_and_grants_and_no_hash_is_in_clear(
    ground: Ground,
) -> None:
    databases = ground.databases
    before, live = ground.scan(), make_by_hand(ground)
    stored = list_stored(databases)
    assert len(stored) == 5
    extra = [one for key, one in sorted(live.items()) if key not in before]
    assert len(extra) == 10
    proposal = ground.codify(differing(extra), ground.encrypt)
    assert [one.finding.subject for one in proposal.plan.not_codifiable] == []
    left = [(one.key, one.reason) for change in proposal.plan.changes for one in change.left_out]
    assert [key for key, _ in left] == ["mariadb shop@localhost", "postgresql shop"]
    committed = ground.check_out(proposal)
    assert [text for text in stored if text in committed] == []
    changed = [path for change in proposal.plan.changes for path in change.files]
    assert lint(ground, changed) == ""

    databases.ask_mariadb("".join(f"DROP USER {one};" for one in ACCOUNTS) + "DROP DATABASE shop")
    databases.ask_postgresql(DROPPED)
    assert ground.converge() == 6
    databases.ask_mariadb(OTHERWISE)
    databases.ask_postgresql(OTHERWISE_IN_POSTGRESQL)
    assert ground.converge() == 5
    assert ground.converge() == 0
    databases.ask_mariadb(NOT_OURS)
    databases.ask_postgresql(SETTING)
    assert ground.scan() == live


@pytest.mark.timeout(300)
def test_what_changed_since_the_scan_is_not_written(ground: Ground) -> None:
    before, live = ground.scan(), make_by_hand(ground)
    ground.databases.ask_mariadb(
        "ALTER USER `shop`@`localhost` IDENTIFIED BY 'since'; DROP USER `open`@`localhost`"
    )
    ground.databases.ask_postgresql("ALTER ROLE shop PASSWORD 'since'")
    extra = [one for key, one in sorted(live.items()) if key not in before]
    proposal = ground.codify(differing(extra))
    refused = {one.finding.subject: one.left_out[0].reason for one in proposal.plan.not_codifiable}
    assert refused.keys() == {"mariadb shop@localhost", "mariadb open@localhost", "postgresql shop"}
    assert all("changed meanwhile" in reason for reason in refused.values())


def make_by_hand(ground: Ground) -> dict[tuple[str, str], Fact]:
    ground.databases.ask_mariadb(IN_MARIADB)
    ground.databases.ask_postgresql(IN_POSTGRESQL + SETTING)
    return ground.scan()


def list_stored(databases: Databases) -> set[str]:
    told = databases.ask_mariadb("SELECT * FROM mysql.global_priv")
    passwords = databases.ask_postgresql("SELECT rolpassword FROM pg_authid")
    return {*re.findall(r"\*([0-9A-F]{40})", told), *re.findall(r"\$(.{44}:.{44})", passwords)}


def lint(ground: Ground, changed: Sequence[str]) -> str:
    return lint_branch(
        ground.repository,
        changed=changed,
        check_out_base=lambda: nullcontext(ground.repository),
        environment=dict(os.environ),
    )


def differing(facts: Sequence[Fact]) -> list[Deviation]:
    return [deviation(one.kind, one.key, one.attributes) for one in facts]
