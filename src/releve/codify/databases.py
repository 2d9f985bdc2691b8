"""Databases and the accounts of MariaDB: made empty, with their passwords and what they may do."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from releve.codify.grants import Grant, Grants, list_lacking, quote_account, read_grants
from releve.codify.logins import Login, read_login, write_login
from releve.codify.outcome import Outcome, Work, Written, leave_out
from releve.codify.scalars import NotExpressible, Value
from releve.codify.sections import section
from releve.codify.types import LeftOut
from releve.model.converge import TaskEvent, TouchKind
from releve.model.finding import Deviation, DeviationStatus
from releve.model.observed import Fact, FactKind

_ENGINE: Final = "mariadb"
_DATABASE: Final = re.compile(r"[A-Za-z0-9_$-]{1,64}")
_OWN_DOOR: Final = "`root`@`localhost`"
_LIBRARIES: Final = {"ed25519": "auth_ed25519"}  # of plug-ins that a server does not load itself
_MOST_GRANTS: Final = 16384  # characters that a scan keeps


def write_database(deviation: Deviation, work: Work) -> Outcome:
    engine, _, name = deviation.key.partition(" ")
    if deviation.ours is None or engine != _ENGINE:
        return leave_out(deviation, "only a database of MariaDB that is missing can be made")
    if not _DATABASE.fullmatch(name):
        return leave_out(deviation, "its name holds characters that would have to be quoted")
    work.catch_up.add(section("databases"), name)
    return Written("the catch-up role creates the database, empty; its rows are data")


def write_account(deviation: Deviation, work: Work) -> Outcome:
    engine, _, name = deviation.key.partition(" ")
    if engine != _ENGINE:
        reason = "only accounts of MariaDB can be made"
        return leave_out(deviation, reason, remedy="make the account in a role of yours")
    account, ours = quote_account(name), deviation.ours
    if ours is None:
        return leave_out(
            deviation,
            "the playbooks make it, and would make it again",
            remedy="take it out of the task that makes it",
        )
    if account == _OWN_DOOR:
        return leave_out(deviation, "playbooks reach the database through this very account")
    if task := _find_undoing(name, work):
        return leave_out(
            deviation,
            f"{task.location} sets what this account has, and would change it back",
            remedy="change that task, or its variables",
        )
    login = _choose_login(deviation, ours, account=account, work=work)
    if isinstance(login, LeftOut):
        return login
    return _write(deviation, account, login=login, work=work)


def find_needed_login(deviation: Deviation) -> tuple[str, str] | None:
    """The quoted account and how a scan saw it log in, where the live host must say the rest."""
    engine, _, name = deviation.key.partition(" ")
    is_account = deviation.kind is FactKind.DATABASE_ROLE and engine == _ENGINE
    if not is_account or deviation.ours is None or not _is_login_wanted(deviation):
        return None
    seen = deviation.ours.attributes.get("login", "")
    try:
        return (quote_account(name), seen) if _needs_host(read_login(seen)) else None
    except NotExpressible:
        return None  # the writer says why


def _choose_login(
    deviation: Deviation, ours: Fact, *, account: str, work: Work
) -> Login | LeftOut | None:
    """None where it is to stay as it is."""
    if not _is_login_wanted(deviation):
        return None
    if deviation.theirs is not None:
        read_login(deviation.theirs.attributes.get("login", ""))  # nothing that would stay there
    login = read_login(ours.attributes.get("login", ""))
    if not _needs_host(login):
        return login
    if account not in work.situation.logins:
        return leave_out(
            deviation,
            "how it logs in is not known: the host does not answer, or it was changed meanwhile",
            remedy="scan the host, and codify while it answers",
        )
    if login.has_secret and work.situation.encrypt is None:
        return leave_out(
            deviation,
            "its password's hash can only be kept in a vault",
            remedy="let ansible.cfg name the vault's password",
        )
    return read_login(work.situation.logins[account])


def _write(deviation: Deviation, account: str, *, login: Login | None, work: Work) -> Outcome:
    ours, theirs = (_read_grants(fact, account) for fact in (deviation.ours, deviation.theirs))
    lacking = list_lacking(ours, theirs)
    if login is not None:
        _add_login(account, login, work)
    _add_grants(account, lacking, work)
    without = tuple(_list_refused(deviation, ours, theirs))
    if login is not None or lacking:
        return Written(_tell(login, lacking), without)
    return without[0] if without else leave_out(deviation, "nothing of it is left to write")


def _tell(login: Login | None, lacking: Sequence[Grant]) -> str:
    does = ["lets the account of the database log in"] if login is not None else []
    does += ["grants what it may do"] if lacking else []
    kept = ", its password's hash in the team's vault" if login and login.has_secret else ""
    return f"the catch-up role {' and '.join(does)}{kept}"


def _add_login(account: str, login: Login, work: Work) -> None:
    for plugin in login.plugins:
        if plugin in _LIBRARIES:
            fields = {"name": plugin, "library": _LIBRARIES[plugin]}
            work.catch_up.add(section("database_plugins"), fields)
    written: Value = write_login(login)
    if login.has_secret:
        if work.situation.encrypt is None:
            raise NotExpressible("it holds a secret, and there is no vault password")
        written = work.situation.encrypt(write_login(login).encode())
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
        yield leave_out(
            deviation,
            "the playbooks grant more than it has on the host",
            remedy="take the grant out of the task that gives it",
        )


def _read_grants(fact: Fact | None, account: str) -> Grants:
    text = fact.attributes.get("grants", "") if fact else ""
    if len(text) >= _MOST_GRANTS:
        raise NotExpressible("it has more grants than a scan keeps")
    return read_grants(text, account)


def _find_undoing(name: str, work: Work) -> TaskEvent | None:
    """The team's task that sets the account's password and rights each time."""
    own = f"{work.catch_up.directory}/"
    names = {f"user {name}", f"user {name.rpartition('@')[0]}"}
    for event in work.situation.touches:
        touched = {touch.name for touch in event.touches if touch.kind is TouchKind.DATABASE}
        if touched & names and not event.location.startswith(own):
            return event
    return None


def _is_login_wanted(deviation: Deviation) -> bool:
    return deviation.status is DeviationStatus.EXTRA or "login" in deviation.attributes


def _needs_host(login: Login) -> bool:
    """A scan that could not read how an account logs in looks like one without a password."""
    return set(login.plugins) != {"unix_socket"}


KINDS = {
    FactKind.DATABASE: write_database,
    FactKind.DATABASE_ROLE: write_account,
}
