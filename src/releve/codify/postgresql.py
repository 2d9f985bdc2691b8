"""Databases and roles of PostgreSQL: made empty, with their passwords and what they were granted.

No word of the server's is passed on: names are of safe characters, all else is ours.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from releve.codify.database_logins import (
    attribute_of,
    choose_login,
    hide_login,
    is_login_wanted,
    read_granted,
    refuse_account,
    refuse_removal,
    tell,
)
from releve.codify.logins import Login, read_password, write_password
from releve.codify.outcome import Outcome, Work, Written, leave_out
from releve.codify.quoted_text import split_statements
from releve.codify.scalars import NotExpressible, Value
from releve.codify.sections import section
from releve.codify.types import LeftOut
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import Fact

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_OWN_DOOR: Final = "postgres"
_OPTIONS: Final = {  # as a scan says it, in the order in which the role's task asks for them
    "superuser": ("SUPERUSER", "NOSUPERUSER"),
    "createdb": ("CREATEDB", "NOCREATEDB"),
    "createrole": ("CREATEROLE", "NOCREATEROLE"),
    "noinherit": ("NOINHERIT", "INHERIT"),
    "login": ("LOGIN", "NOLOGIN"),
    "replication": ("REPLICATION", "NOREPLICATION"),
    "bypassrls": ("BYPASSRLS", "NOBYPASSRLS"),
}
_CONNECTIONS: Final = re.compile(r"connections=(\d{1,9})")
_QUOTED: Final = r'([a-z_][a-z0-9_]*|"[A-Za-z0-9_.-]+")'  # as quote_ident() has it
_MEMBER: Final = re.compile(rf"member of {_QUOTED}( with admin)?")
_ON_DATABASE: Final = re.compile(rf"(CONNECT|CREATE|TEMPORARY) on database {_QUOTED}")
_MOST_GRANTS: Final = 8192  # characters that a scan keeps


@dataclass(frozen=True)
class _Granted:
    statement: str
    needs: str  # what must be there first


def write_database(deviation: Deviation, work: Work) -> Outcome:
    if deviation.ours is None:
        return leave_out(deviation, "only a database that is missing can be made")
    name = _require_name(deviation.key.partition(" ")[2])
    owner = _require_name(attribute_of(deviation.ours, "owner"))
    work.catch_up.add(section("postgresql_databases"), {"name": name, "owner": owner})
    return Written("the catch-up role makes the database of its owner, empty; its rows are data")


def write_role(deviation: Deviation, work: Work) -> Outcome:
    name = _require_name(deviation.key.partition(" ")[2])
    if refused := refuse_account(deviation, name, work, is_own=name == _OWN_DOOR):
        return refused
    password = choose_login(
        deviation, f'"{name}"', work, read=read_password, needs_host=_needs_host
    )
    if isinstance(password, LeftOut):
        return password
    does = _add_role(deviation, name, password=password, work=work)
    ours, theirs = _list_grants(deviation.ours), _list_grants(deviation.theirs)
    for text in ours:
        granted = _read_grant(text, name)
        if granted and text not in theirs:
            fields: dict[str, Value] = {"statement": granted.statement, "needs": granted.needs}
            work.catch_up.add(section("postgresql_grants"), fields)
            does.append("grants what it was granted")
    without = tuple(_list_refused(deviation, name, ours=ours, theirs=theirs))
    return tell(deviation, tuple(dict.fromkeys(does)), login=password, without=without)


def find_needed_login(deviation: Deviation) -> tuple[str, str] | None:
    """The quoted role and how a scan saw it log in, where the live host must say the rest."""
    name = deviation.key.partition(" ")[2]
    seen = attribute_of(deviation.ours, "login")
    if not is_login_wanted(deviation) or not _NAME.fullmatch(name) or seen == "no password":
        return None
    return f'"{name}"', seen


def _needs_host(login: Login) -> bool:
    return login.has_secret


def _add_role(deviation: Deviation, name: str, *, password: Login | None, work: Work) -> list[str]:
    """What is done, in our words."""
    is_new = deviation.status is DeviationStatus.EXTRA
    if password is None and not is_new and "attributes" not in deviation.attributes:
        return []
    fields: dict[str, Value] = {"name": name, "options": _write_options(deviation.ours)}
    if password is not None:
        fields["password"] = hide_login(password, write_password(password), work)
    if deviation.theirs is not None:
        _write_options(deviation.theirs)  # nothing that would stay there
    work.catch_up.add(section("postgresql_roles"), fields)
    return ["makes the role of the database" if is_new else "sets what the role of the database is"]


def _write_options(fact: Fact | None) -> str:
    words = [word for word in attribute_of(fact, "attributes").split("; ") if word]
    limits = [found[1] for found in map(_CONNECTIONS.fullmatch, words) if found]
    if {word for word in words if not _CONNECTIONS.fullmatch(word)} - _OPTIONS.keys():
        raise NotExpressible("it expires, or has an attribute that is not known here")
    options = [yes if word in words else no for word, (yes, no) in _OPTIONS.items()]
    return " ".join([*options, "CONNECTION LIMIT", *(limits[:1] or ["-1"])])


def _list_grants(fact: Fact | None) -> tuple[str, ...]:
    return tuple(split_statements(read_granted(fact, most=_MOST_GRANTS)))


def _read_grant(text: str, name: str) -> _Granted | None:
    if member := _MEMBER.fullmatch(text):
        group = member[1].strip('"')
        option = " WITH ADMIN OPTION" if member[2] else ""
        return _Granted(f'GRANT "{group}" TO "{name}"{option}', f"role {group}")
    if right := _ON_DATABASE.fullmatch(text):
        database = right[2].strip('"')
        statement = f'GRANT {right[1]} ON DATABASE "{database}" TO "{name}"'
        return _Granted(statement, f"database {database}")
    return None


def _list_refused(
    deviation: Deviation, name: str, *, ours: tuple[str, ...], theirs: tuple[str, ...]
) -> Iterator[LeftOut]:
    if any(text not in theirs and _read_grant(text, name) is None for text in ours):
        reason = "it was granted something on a name that would have to be quoted with care"
        yield leave_out(deviation, reason, remedy="grant it in your role")
    if set(theirs) - {*ours, *(text.removesuffix(" with admin") for text in ours)}:
        yield refuse_removal(deviation)
    if attribute_of(deviation.ours, "settings") != attribute_of(deviation.theirs, "settings"):
        reason = "settings of the role are any text, and are not written"
        yield leave_out(deviation, reason, remedy="set them with ALTER ROLE in a role of yours")


def _require_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise NotExpressible("its name, or its owner's, would have to be quoted with care")
    return name
