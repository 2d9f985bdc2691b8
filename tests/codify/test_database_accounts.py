"""What of a database's accounts is written, and why not the rest; no server is asked."""

import hashlib
import hmac

import pytest

from releve.codify.grants import Grant, list_lacking, quote_account, read_grants
from releve.codify.logins import is_same_login, read_login, write_login
from releve.codify.plan import list_needed_logins, plan_changes
from releve.codify.scalars import NotExpressible
from releve.codify.types import CodifyPlan, Situation
from releve.model.converge import Touch, TouchKind
from releve.model.finding import Deviation
from releve.model.observed import FactKind
from tests.codify.builders import deviation, fake_encrypt, finding, situation, task

KEY = b"key of the host"
STORED = "*" + "0123456789" * 4
ACCOUNT = "`shop`@`localhost`"
VARIABLES = "roles/catch_up_blog/vars/main.yml"
FILES = {
    "site.yml": b"---\n- name: Make the host\n  hosts: blog\n  roles:\n    - role: team\n",
    "inventory/hosts.yml": b"all:\n  hosts:\n    blog:\n",
}
SOCKET = "IDENTIFIED VIA unix_socket"
USAGE = f"GRANT USAGE ON *.* TO {ACCOUNT}"
SHOP = f"GRANT SELECT, INSERT ON `shop`.* TO {ACCOUNT}"


def hide(stored: str) -> str:
    return f"hmac:{hmac.new(KEY, stored.encode(), hashlib.sha256).hexdigest()}"


def account(login: str | None = None, grants: str = USAGE, *, name: str = "shop") -> Deviation:
    """One that only the host has; by default with a password."""
    attributes = {"login": by_password(hide(STORED)) if login is None else login, "grants": grants}
    told = {key: value for key, value in attributes.items() if value}
    return deviation(FactKind.DATABASE_ROLE, f"mariadb {name}@localhost", told)


def by_password(stored: str) -> str:
    return f"IDENTIFIED BY PASSWORD '{stored}'"


def given(**others: object) -> Situation:
    logins = {ACCOUNT: by_password(STORED)}
    return situation(FILES, **{"encrypt": fake_encrypt, "logins": logins, **others})  # type: ignore[arg-type]


def plan(one: Deviation, **others: object) -> CodifyPlan:
    return plan_changes([finding(one)], given(**others))


def written(planned: CodifyPlan) -> str:
    (change,) = planned.changes
    return change.files[VARIABLES].decode()


def refused(planned: CodifyPlan) -> str:
    assert planned.changes == ()
    (left,) = planned.not_codifiable[0].left_out
    return f"{left.reason}. {left.remedy}"


@pytest.mark.parametrize(
    "statement",
    [
        "GRANT SELECT ON `a``; GRANT ALL PRIVILEGES ON *.* TO `evil`.* TO {}",
        "GRANT SELECT ON `a`.* TO {}; DROP TABLE mysql.user",
        "GRANT SELECT ON `a`.* TO {} IDENTIFIED BY 'x'",
        "GRANT SELECT ON `a`.* TO {} -- x",
        "GRANT SELECT /* x */ ON `a`.* TO {}",
        "GRANT SELECT ON `a'b`.* TO {}",
        'GRANT SELECT ON `a"b`.* TO {}',
        "GRANT SELECT ON `a\\\\`.* TO {}",
        "GRANT SELECT ON `a\\_`.* TO {}",  # the client prints two
        "GRANT SELECT ON `a\n`.* TO {}",
        "GRANT SELECT\n ON *.* TO {}",
        "GRANT SELECT ON `{{ 7*7 }}`.* TO {}",
        "GRANT SELECT ON `é`.* TO {}",
        "GRANT SELECT ON `a b`.* TO {}",
        "GRANT \uff33ELECT ON *.* TO {}",
        "GRANT select ON *.* TO {}",
        "GRANT SELECT ON ``.* TO {}",
        "GRANT SELECT ON a.* TO {}",
        "GRANT SELECT ON *.* TO `other`@`localhost`",
        "GRANT SELECT ON *.* TO shop@localhost",
        "GRANT SELECT, ON *.* TO {}",
        "GRANT SELECT ON *.* TO {} WITH ADMIN OPTION",
        "GRANT SELECT ON `a`.`b` TO {}, `evil`@`%`",
        "GRANT SELECT ON `a`.`b\\\\_` TO {}",
        "GRANT SELECT ON `a",
        "`" * 20001,
        "'" * 20001,
    ],
)
def test_a_statement_that_is_not_of_the_known_form_grants_nothing(statement: str) -> None:
    text = statement.replace("{}", ACCOUNT)
    found = read_grants(f"{SHOP}; {text}", ACCOUNT)
    assert Grant(("SELECT", "INSERT"), "`shop`.*", with_option=False) in found.held
    assert found.refused
    for grant in found.held:
        assert grant.object in {"`shop`.*", "`a`.*"}
        assert grant.privileges in {("SELECT", "INSERT"), ("SELECT",)}
        assert not grant.with_option


@pytest.mark.parametrize(
    ("statement", "grant"),
    [
        (f"GRANT ALL PRIVILEGES ON *.* TO {ACCOUNT} WITH GRANT OPTION",
         Grant(("ALL PRIVILEGES",), "*.*", with_option=True)),
        (f"GRANT SELECT, LOCK TABLES ON `a-1`.`b$` TO {ACCOUNT}",
         Grant(("SELECT", "LOCK TABLES"), "`a-1`.`b$`", with_option=False)),
        (f"GRANT DROP ON `shop\\\\_%`.* TO {ACCOUNT}",
         Grant(("DROP",), "`shop\\_%`.*", with_option=False)),
        (f"GRANT USAGE ON `a`.* TO {ACCOUNT} WITH GRANT OPTION",
         Grant(("USAGE",), "`a`.*", with_option=True)),
    ],
)  # fmt: skip
def test_what_is_understood_is_taken_apart(statement: str, grant: Grant) -> None:
    found = read_grants(f"{USAGE}; {statement}", ACCOUNT)
    assert (found.held, dict(found.refused)) == ((grant,), {})


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("GRANT `r` TO {}", "a role"),
        ("GRANT PROXY ON ``@`%` TO {}", "act as another"),
        ("GRANT EXECUTE ON PROCEDURE `a`.`b` TO {}", "stored routine"),
        ("GRANT SELECT (`a`), INSERT ON `a`.`b` TO {}", "single columns"),
        ("GRANT USAGE ON *.* TO {} REQUIRE SSL", "conditions or limits"),
        ("GRANT USAGE ON *.* TO {} WITH MAX_QUERIES_PER_HOUR 1", "conditions or limits"),
        ("GRANT SELECT ON `a b`.* TO {}", "a name that would have"),
    ],
)
def test_what_is_left_out_is_named_and_the_rest_is_written(statement: str, words: str) -> None:
    planned = plan(account(grants=f"{SHOP}; {statement.replace('{}', ACCOUNT)}"))
    assert "- !unsafe INSERT" in written(planned)
    (left,) = planned.changes[0].left_out
    assert words in left.reason
    assert not set("`@") & set(left.reason)


def test_only_what_the_other_lacks_is_granted() -> None:
    ours = read_grants(f"{SHOP}; GRANT SELECT ON *.* TO {ACCOUNT} WITH GRANT OPTION", ACCOUNT)
    less = read_grants(f"GRANT SELECT ON *.* TO {ACCOUNT}; GRANT INSERT ON `shop`.* TO {ACCOUNT}",
                       ACCOUNT)  # fmt: skip
    assert list_lacking(ours, less) == (
        Grant(("SELECT",), "`shop`.*", with_option=False),
        Grant(("USAGE",), "*.*", with_option=True),
    )
    everything = read_grants(SHOP.replace("SELECT, INSERT", "ALL PRIVILEGES"), ACCOUNT)
    assert list_lacking(read_grants(SHOP, ACCOUNT), everything) == ()
    assert list_lacking(everything, read_grants(SHOP, ACCOUNT)) == everything.held


@pytest.mark.parametrize(
    "text",
    [
        "IDENTIFIED BY PASSWORD 'x' REQUIRE SSL", "IDENTIFIED BY PASSWORD 'x' ACCOUNT LOCK",
        "IDENTIFIED BY PASSWORD 'x' PASSWORD EXPIRE INTERVAL 3 DAY",
        " REQUIRE X509", "IDENTIFIED WITH 'caching_sha2_password' AS 'x'", "IDENTIFIED VIA pam",
        "IDENTIFIED VIA unix_socket USING 'joe'", "IDENTIFIED VIA unix_socket OR gssapi",
        "IDENTIFIED VIA unix_socket; DROP", "IDENTIFIED VIA unix_socket OR ",
        "IDENTIFIED VIA mysql_native_password USING 'a''b'", "IDENTIFIED VIA {{ 7*7 }}",
        "IDENTIFIED VIA unix_socket\n", "IDENTIFIED BY PASSWORD 'a\\'b'",
    ],
)  # fmt: skip
def test_another_way_to_log_in_is_left_out(text: str) -> None:
    with pytest.raises(NotExpressible):
        read_login(text)
    assert "no playbook can hold it" in refused(plan(account(text)))


@pytest.mark.parametrize(
    "text",
    ["IDENTIFIED VIA " + words for words in (
        f"mysql_native_password USING '{STORED}'", "unix_socket",
        f"mysql_native_password USING '{STORED}' OR unix_socket",
        f"unix_socket OR ed25519 USING '{'aB3+/' * 8}xyz'",
        "mysql_native_password USING 'invalid' OR unix_socket",
        "mysql_native_password OR unix_socket",
    )],
)  # fmt: skip
def test_a_login_is_written_as_it_was_read(text: str) -> None:
    assert write_login(read_login(text)) == text


@pytest.mark.parametrize("stored", ["*AB", "x", STORED.lower() + "x", "{{ 7*7 }}", "-- "])
def test_what_is_stored_has_a_known_form(stored: str) -> None:
    with pytest.raises(NotExpressible):
        write_login(read_login(by_password(stored)))


def test_what_the_host_tells_counts_only_where_it_is_what_was_scanned() -> None:
    def holds(digest: str, stored: bytes) -> bool:
        return digest == hide(stored.decode())

    def same(seen: str, told: str) -> bool:
        return is_same_login(ACCOUNT, seen, told=told, holds=holds)

    seen = f"IDENTIFIED VIA mysql_native_password USING '{hide(STORED)}' OR unix_socket"
    assert same(seen, seen.replace(hide(STORED), STORED))
    assert not same(seen, seen.replace(hide(STORED), STORED[:-1] + "A"))
    assert not same(seen, by_password(STORED))
    assert not same(seen, f"{seen} REQUIRE SSL")
    assert not same("", by_password(STORED))
    assert same("", "")
    assert same(by_password(hide(STORED)), by_password(STORED))


def test_a_hash_is_in_the_vault_and_nowhere_else() -> None:
    planned = plan(account(grants=f"{USAGE}; {SHOP}"))
    assert "login: !vault" in written(planned)
    assert STORED[1:] not in "".join(map(str, planned.changes))
    assert "team's vault" in planned.changes[0].reasons[0]


def test_without_a_vault_or_the_host_an_account_with_a_password_is_left_out() -> None:
    assert "vault" in refused(plan(account(), encrypt=None))
    assert "does not answer" in refused(plan(account(), logins={}))
    assert list_needed_logins([finding(account())]) == {ACCOUNT: by_password(hide(STORED))}


def test_one_that_logs_in_by_its_socket_needs_neither() -> None:
    one = account(SOCKET)
    assert list_needed_logins([finding(one)]) == {}
    assert SOCKET in written(plan(one, encrypt=None, logins={}))


def test_one_without_a_password_must_be_confirmed_by_the_host() -> None:
    one = account("")
    assert list_needed_logins([finding(one)]) == {ACCOUNT: ""}
    assert "does not answer" in refused(plan(one, logins={}))
    assert "IDENTIFIED BY ''" in written(plan(one, encrypt=None, logins={ACCOUNT: ""}))


def test_the_plug_in_for_ed25519_is_loaded_first() -> None:
    login = f"IDENTIFIED VIA ed25519 USING '{'a' * 43}'"
    planned = plan(account(login.replace("a" * 43, hide("a" * 43))), logins={ACCOUNT: login})
    tasks = planned.changes[0].files["roles/catch_up_blog/tasks/databases.yml"].decode()
    assert "auth_ed25519" in written(planned)
    assert tasks.index("INSTALL PLUGIN") < tasks.index("CREATE USER")


def test_databases_come_before_accounts_and_these_before_grants() -> None:
    database = deviation(FactKind.DATABASE, "mariadb shop", {})
    found = [finding(account(grants=SHOP)), finding(database)]
    planned = plan_changes(found, given())
    tasks = planned.changes[-1].files["roles/catch_up_blog/tasks/databases.yml"].decode()
    order = [tasks.index(words) for words in ("CREATE DATABASE", "CREATE USER", "GRANT {{")]
    assert order == sorted(order)


def test_of_an_account_that_both_have_only_what_differs_is_set() -> None:
    old = {"login": SOCKET, "grants": USAGE}
    key = "mariadb shop@localhost"
    grants = deviation(FactKind.DATABASE_ROLE, key, {**old, "grants": f"{USAGE}; {SHOP}"}, old)
    text = written(plan(grants, logins={}))
    assert "database_grants" in text
    assert "database_accounts" not in text
    login = deviation(FactKind.DATABASE_ROLE, key, {**old, "login": by_password(hide(STORED))}, old)
    text = written(plan(login))
    assert "database_accounts" in text
    assert "database_grants" not in text
    bound = {**old, "login": f"{SOCKET} REQUIRE SSL"}
    login = deviation(FactKind.DATABASE_ROLE, key, old, bound)
    assert "conditions" in refused(plan(login))


def test_what_the_playbooks_give_is_not_taken_away_beside_them() -> None:
    key = "mariadb shop@localhost"
    told = {"login": SOCKET, "grants": SHOP}
    gone = deviation(FactKind.DATABASE_ROLE, key, None, told)
    assert "the playbooks make it" in refused(plan(gone))
    less = deviation(FactKind.DATABASE_ROLE, key, {**told, "grants": USAGE}, told)
    assert "grant more than it has" in refused(plan(less))
    other = f"GRANT DROP ON `x`.* TO {ACCOUNT}"
    both = plan(deviation(FactKind.DATABASE_ROLE, key, {**told, "grants": other}, told))
    assert "!unsafe DROP" in written(both)
    assert "grant more than it has" in both.changes[0].left_out[0].reason
    column = f"GRANT SELECT (`a`) ON `x`.`y` TO {ACCOUNT}"
    same = [{**told, "grants": text} for text in (f"{column}; {SHOP}", column)]
    assert plan(deviation(FactKind.DATABASE_ROLE, key, *same)).changes[0].left_out == ()


def test_what_a_task_sets_each_time_is_to_be_changed_there() -> None:
    touch = Touch(TouchKind.DATABASE, "user shop")
    touches = [task("roles/team/tasks/main.yml:3", "command", touch)]
    said = refused(plan(account(), touches=touches))
    assert said.startswith("roles/team/tasks/main.yml:3 sets")


@pytest.mark.parametrize("name", ["", "a b", "a'b", "a`b", "a\nb", "é", "{{ 7*7 }}", "-x", "a;b"])
def test_a_name_that_needs_quoting_is_left_out(name: str) -> None:
    with pytest.raises(NotExpressible):
        quote_account(f"{name}@localhost")
    assert "quoted with care" in refused(plan(account(SOCKET, name=name)))


def test_roles_root_and_other_engines_are_left_out() -> None:
    role = deviation(FactKind.DATABASE_ROLE, "mariadb readers", {"grants": "GRANT USAGE"})
    assert "it is a role" in refused(plan(role))
    assert "this very account" in refused(plan(account(SOCKET, name="root")))
    for key in ("postgresql:5433 shop", "mysql shop@localhost", "x"):
        other = deviation(FactKind.DATABASE_ROLE, key, {"login": "no password"})
        assert "only MariaDB is written" in refused(plan(other))
        assert "only MariaDB is written" in refused(plan(deviation(FactKind.DATABASE, key, {})))
