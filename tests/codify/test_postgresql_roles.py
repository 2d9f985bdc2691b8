"""What of PostgreSQL's databases and roles is written, and why not the rest; none is asked."""

import hashlib
import hmac

import pytest

from releve.codify.logins import is_same_login, read_password, write_password
from releve.codify.plan import list_needed_logins, plan_changes
from releve.codify.scalars import NotExpressible
from releve.codify.types import CodifyPlan
from releve.model.finding import Deviation
from releve.model.observed import FactKind
from tests.codify.builders import deviation, fake_encrypt, finding, situation

KEY = b"key of the host"
STORED = f"SCRAM-SHA-256$4096:{'s' * 24}${'k' * 43}=:{'v' * 43}="
VARIABLES = "roles/catch_up_blog/vars/main.yml"
FILES = {
    "site.yml": b"---\n- name: Make the host\n  hosts: blog\n  roles:\n    - role: team\n",
    "inventory/hosts.yml": b"all:\n  hosts:\n    blog:\n",
}
OLD = {"login": "no password", "attributes": "login"}


def hide(stored: str) -> str:
    return f"password hmac:{hmac.new(KEY, stored.encode(), hashlib.sha256).hexdigest()}"


def role(name: str = "shop", **attributes: str) -> Deviation:
    return deviation(FactKind.DATABASE_ROLE, f"postgresql {name}", {**OLD, **attributes})


def changed(**attributes: str) -> Deviation:
    return deviation(FactKind.DATABASE_ROLE, "postgresql shop", {**OLD, **attributes}, OLD)


def plan(
    one: Deviation, *, has_vault: bool = True, logins: dict[str, str] | None = None
) -> CodifyPlan:
    told = {'"shop"': f"password {STORED}"} if logins is None else logins
    encrypt = fake_encrypt if has_vault else None
    return plan_changes([finding(one)], situation(FILES, encrypt=encrypt, logins=told))


def written(planned: CodifyPlan) -> str:
    (change,) = planned.changes
    return change.files[VARIABLES].decode()


def refused(planned: CodifyPlan) -> str:
    assert planned.changes == ()
    return planned.not_codifiable[0].left_out[0].reason


def test_a_hash_is_in_the_vault_and_nowhere_else() -> None:
    planned = plan(role(login=hide(STORED)))
    assert "password: !vault" in written(planned)
    assert STORED[20:] not in "".join(map(str, planned.changes))
    assert "team's vault" in planned.changes[0].reasons[0]


def test_without_a_vault_or_the_host_a_role_with_a_password_is_left_out() -> None:
    one = role(login=hide(STORED))
    assert "vault" in refused(plan(one, has_vault=False))
    assert "does not answer" in refused(plan(one, logins={}))
    assert list_needed_logins([finding(one)]) == {'"shop"': hide(STORED)}
    assert list_needed_logins([finding(role())]) == {}
    assert 'password: "NULL"' in written(plan(role(), has_vault=False, logins={}))


def test_what_the_host_tells_counts_only_where_it_is_what_was_scanned() -> None:
    def same(seen: str, told: str) -> bool:
        def holds(digest: str, stored: bytes) -> bool:
            return f"password {digest}" == hide(stored.decode())

        return is_same_login('"shop"', seen, told=told, holds=holds)

    assert same(hide(STORED), f"password {STORED}")
    assert not same(hide(STORED), f"password {STORED[:-2]}A=")
    assert not same(hide(STORED), "no password")
    assert not same("no password", f"password {STORED}")
    assert same("no password", "no password")


@pytest.mark.parametrize(
    "stored", ["x", "md5" + "g" * 32, STORED + "'; DROP", STORED[:-1], "{{x}}"]
)
def test_what_is_stored_has_a_known_form(stored: str) -> None:
    with pytest.raises(NotExpressible):
        write_password(read_password(f"password {stored}"))


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("createdb; login", "NOSUPERUSER CREATEDB NOCREATEROLE INHERIT LOGIN NOREPLICATION"),
        ("createdb; login", "NOBYPASSRLS CONNECTION LIMIT -1"),
        ("noinherit; superuser", "SUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOLOGIN"),
        ("bypassrls; connections=3; replication", "REPLICATION BYPASSRLS CONNECTION LIMIT 3"),
    ],
)
def test_what_a_role_is_is_written_whole(words: str, options: str) -> None:
    assert options in written(plan(role(attributes=words))).replace("\\\n      ", "")


@pytest.mark.parametrize("words", ["login; until=2030-01-01", "login; SUPERUSER", "connections=x"])
def test_another_attribute_leaves_the_role_out(words: str) -> None:
    assert "no playbook can hold it" in refused(plan(role(attributes=words)))
    assert "no playbook can hold it" in refused(plan(changed(attributes=words)))


@pytest.mark.parametrize(
    ("told", "statement"),
    [
        ("member of readers", 'GRANT "readers" TO "shop"'),
        ('member of "my-readers" with admin', 'GRANT "my-readers" TO "shop" WITH ADMIN OPTION'),
        ("CONNECT on database shop", 'GRANT CONNECT ON DATABASE "shop" TO "shop"'),
        ('TEMPORARY on database "Shop.2"', 'GRANT TEMPORARY ON DATABASE "Shop.2" TO "shop"'),
    ],
)
def test_a_grant_is_written_anew(told: str, statement: str) -> None:
    assert f'"{statement}"'.replace('"', '\\"')[2:-2] in written(plan(changed(grants=told)))


@pytest.mark.parametrize(
    "told",
    [
        'member of "x; member of postgres; y"',
        'member of "x""; member of postgres; ""y"',
        'member of "a b"',
        'member of "{{ 7*7 }}"',
        "member of a, postgres",
        "member of é",
        "SELECT on database shop",
        'CONNECT on database "a""b"',
        "member of x; DROP ROLE y",
        'member of "x; member of postgres',
    ],
)
def test_a_name_that_holds_a_grant_grants_nothing(told: str) -> None:
    planned = plan(role(grants=told))
    assert "postgres" not in written(planned).replace("postgresql", "")
    assert "quoted with care" in planned.changes[0].left_out[0].reason


def test_what_the_playbooks_give_is_not_taken_away_beside_them() -> None:
    granted = {**OLD, "grants": "member of readers"}
    key = "postgresql shop"
    less = deviation(FactKind.DATABASE_ROLE, key, OLD, granted)
    assert "grant more than it has" in refused(plan(less))
    gone = deviation(FactKind.DATABASE_ROLE, key, None, granted)
    assert "the playbooks make it" in refused(plan(gone))
    more = {**OLD, "grants": "member of readers with admin"}
    planned = plan(deviation(FactKind.DATABASE_ROLE, key, more, granted))
    assert planned.changes[0].left_out == ()
    assert "postgresql_roles" not in written(planned)


def test_settings_of_a_role_are_named_as_left_out() -> None:
    planned = plan(role(settings="work_mem=8MB; superuser"))
    assert "settings of the role" in planned.changes[0].left_out[0].reason
    assert "NOSUPERUSER" in written(planned)
    assert "settings of the role" in refused(plan(changed(settings="work_mem=8MB")))


def test_a_database_is_made_for_its_owner() -> None:
    text = written(plan(deviation(FactKind.DATABASE, "postgresql shop", {"owner": "shop"})))
    assert "owner: !unsafe shop" in text
    gone = deviation(FactKind.DATABASE, "postgresql shop", None, {"owner": "shop"})
    assert "only a database that is missing" in refused(plan(gone))


def test_roles_come_before_databases_and_these_before_grants() -> None:
    found = [
        finding(changed(grants="CONNECT on database shop")),
        finding(deviation(FactKind.DATABASE, "postgresql shop", {"owner": "shop"})),
        finding(role("other")),
        finding(deviation(FactKind.DATABASE, "mariadb shop", {})),
    ]
    planned = plan_changes(found, situation(FILES))
    tasks = planned.changes[-1].files["roles/catch_up_blog/tasks/databases.yml"].decode()
    names = ("Create databases", "Create and change PostgreSQL", "Create PostgreSQL", "Grant what")
    order = [tasks.index(words) for words in names]
    assert order == sorted(order)


def test_the_role_that_playbooks_come_as_is_left_alone() -> None:
    assert "this very account" in refused(plan(role("postgres")))
