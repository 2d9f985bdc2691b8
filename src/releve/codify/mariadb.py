"""Databases and the accounts of MariaDB: made empty, with their passwords and what they may do."""

import re
from collections.abc import Iterator, Sequence
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
from releve.codify.grants import Grant, Grants, list_lacking, quote_account, read_grants
from releve.codify.logins import Login, read_login, write_login
from releve.codify.outcome import Outcome, Work, Written, leave_out
from releve.codify.scalars import NotExpressible, Value
from releve.codify.sections import section
from releve.codify.types import LeftOut
from releve.model.finding import Deviation
from releve.model.observed import Fact

_DATABASE: Final = re.compile(r"[A-Za-z0-9_$-]{1,64}")
_OWN_DOOR: Final = "`root`@`localhost`"
_LIBRARIES: Final = {"ed25519": "auth_ed25519"}  # of plug-ins that a server does not load itself
_MOST_GRANTS: Final = 16384  # characters that a scan keeps


def write_database(deviation: Deviation, work: Work) -> Outcome:
    name = deviation.key.partition(" ")[2]
    if deviation.ours is None:
        return leave_out(deviation, "only a database that is missing can be made")
    if not _DATABASE.fullmatch(name):
        return leave_out(deviation, "its name holds characters that would have to be quoted")
    work.catch_up.add(section("databases"), name)
    return Written("the catch-up role creates the database, empty; its rows are data")


def write_account(deviation: Deviation, work: Work) -> Outcome:
    name = deviation.key.partition(" ")[2]
    account = quote_account(name)
    if refused := refuse_account(deviation, name, work, is_own=account == _OWN_DOOR):
        return refused
    login = _choose_login(deviation, account, work)
    if isinstance(login, LeftOut):
        return login
    return _write(deviation, account, login=login, work=work)


def find_needed_login(deviation: Deviation) -> tuple[str, str] | None:
    """The quoted account and how a scan saw it log in, where the live host must say the rest."""
    name = deviation.key.partition(" ")[2]
    if deviation.ours is None or not is_login_wanted(deviation):
        return None
    seen = attribute_of(deviation.ours, "login")
    try:
        return (quote_account(name), seen) if _needs_host(read_login(seen)) else None
    except NotExpressible:
        return None  # the writer says why


def _choose_login(deviation: Deviation, account: str, work: Work) -> Login | LeftOut | None:
    if is_login_wanted(deviation) and deviation.theirs is not None:
        read_login(attribute_of(deviation.theirs, "login"))  # nothing that would stay there
    return choose_login(deviation, account, work, read=read_login, needs_host=_needs_host)


def _write(deviation: Deviation, account: str, *, login: Login | None, work: Work) -> Outcome:
    ours, theirs = (_read_grants(fact, account) for fact in (deviation.ours, deviation.theirs))
    lacking = list_lacking(ours, theirs)
    does = []
    if login is not None:
        _add_login(account, login, work)
        does.append("lets the account of the database log in")
    if lacking:
        _add_grants(account, lacking, work)
        does.append("grants what it may do")
    without = tuple(_list_refused(deviation, ours, theirs))
    return tell(deviation, does, login=login, without=without)


def _add_login(account: str, login: Login, work: Work) -> None:
    for plugin in login.plugins:
        if plugin in _LIBRARIES:
            fields = {"name": plugin, "library": _LIBRARIES[plugin]}
            work.catch_up.add(section("database_plugins"), fields)
    written = hide_login(login, write_login(login), work)
    work.catch_up.add(section("database_accounts"), {"account": account, "login": written})


def _add_grants(account: str, grants: Sequence[Grant], work: Work) -> None:
    for grant in grants:
        fields: dict[str, Value] = {
            "account": account,
            "privileges": grant.privileges,
            "object": grant.object,
            "with_option": grant.with_option,
        }
        work.catch_up.add(section("database_grants"), fields)


def _list_refused(deviation: Deviation, ours: Grants, theirs: Grants) -> Iterator[LeftOut]:
    new = [words for text, words in ours.refused.items() if text not in theirs.refused]
    for words in dict.fromkeys(new):
        yield leave_out(
            deviation, f"it has {words}, which is not granted here", remedy="grant it in your role"
        )
    if list_lacking(theirs, ours) or theirs.refused.keys() - ours.refused.keys():
        yield refuse_removal(deviation)


def _read_grants(fact: Fact | None, account: str) -> Grants:
    return read_grants(read_granted(fact, most=_MOST_GRANTS), account)


def _needs_host(login: Login) -> bool:
    """A scan that could not read how an account logs in looks like one without a password."""
    return set(login.plugins) != {"unix_socket"}
