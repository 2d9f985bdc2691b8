"""What SHOW GRANTS of MariaDB printed, read strictly: no line of a server's is passed on as it is.

The text is as its client prints it with `--batch`: a backslash is doubled.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from releve.codify.quoted_text import split_statements
from releve.codify.scalars import NotExpressible

_ACCOUNT: Final = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,79})@([A-Za-z0-9_.%:/-]{1,255})")
_WORDS: Final = r"[A-Z]+(?: [A-Z]+)*"
_GRANT: Final = re.compile(
    rf"GRANT (?P<privileges>{_WORDS}(?:, {_WORDS})*) ON (?P<object>\*\.\*|`[^`]*`\.(?:\*|`[^`]*`))"
    r" TO (?P<account>`[^`]*`@`[^`]*`)(?P<option> WITH GRANT OPTION)?"
)
_EVERYTHING: Final = re.compile(r"\*\.\*")
# Of a whole database the name is a pattern, in which `_` and `%` may be escaped.
_DATABASE: Final = re.compile(r"`((?:[A-Za-z0-9_$%-]|\\\\[_%]){1,128})`\.\*")
_TABLE: Final = re.compile(r"`([A-Za-z0-9_$-]{1,64})`\.`([A-Za-z0-9_$-]{1,64})`")
_REFUSED: Final = (  # what is looked for in the statement, in this order
    (re.compile(r"GRANT `"), "a role"),
    (re.compile(r"GRANT PROXY "), "the right to act as another account"),
    (re.compile(r"GRANT [^`']* ON (?:PROCEDURE|FUNCTION|PACKAGE)"), "rights on a stored routine"),
    (re.compile(r"GRANT [^`]*\("), "rights on single columns"),
    (re.compile(r".* (?:REQUIRE|WITH MAX_)", re.DOTALL), "conditions or limits of its connection"),
)


@dataclass(frozen=True)
class Grant:
    privileges: tuple[str, ...]
    object: str  # `*.*`, or names in backticks
    with_option: bool  # it may grant them to others


@dataclass(frozen=True)
class Grants:
    held: tuple[Grant, ...]
    refused: Mapping[str, str]  # statement of the server's to what it gives, in our words


def quote_account(name: str) -> str:
    """USER@HOST as SQL has it; NotExpressible for a role, and where quoting would need thought."""
    found = _ACCOUNT.fullmatch(name)
    if found is None:
        raise NotExpressible("it is a role, or its name would have to be quoted with care")
    return f"`{found[1]}`@`{found[2]}`"


def read_grants(text: str, account: str) -> Grants:
    """`text` as a scan keeps it: statements with `; ` between; `account` quoted."""
    held: list[Grant] = []
    refused: dict[str, str] = {}
    for statement in split_statements(text):
        grant = _read(statement, account)
        if grant is None:
            refused[statement] = _explain(statement)
        elif grant.with_option or grant.privileges != ("USAGE",):  # which is none
            held.append(grant)
    return Grants(tuple(held), refused)


def list_lacking(ours: Grants, theirs: Grants) -> tuple[Grant, ...]:
    """What ours has and theirs has not."""
    lacking = []
    for grant in ours.held:
        known = [other for other in theirs.held if other.object == grant.object]
        has_option = any(other.with_option for other in known)
        has = {name for other in known for name in other.privileges}
        wanted = grant.privileges
        if has & {"ALL PRIVILEGES"}:
            wanted = ()
        missing = tuple(name for name in wanted if name not in has)
        with_option = grant.with_option and not has_option
        if missing or with_option:
            lacking.append(Grant(missing or ("USAGE",), grant.object, with_option))
    return tuple(lacking)


def _read(statement: str, account: str) -> Grant | None:
    found = _GRANT.fullmatch(statement)
    if found is None or found["account"] != account:
        return None
    named = _read_object(found["object"])
    if not named:
        return None
    return Grant(tuple(found["privileges"].split(", ")), named, bool(found["option"]))


def _read_object(text: str) -> str:
    if _EVERYTHING.fullmatch(text):
        return "*.*"
    if database := _DATABASE.fullmatch(text):
        name = database[1].replace("\\\\", "\\")
        return f"`{name}`.*"
    table = _TABLE.fullmatch(text)
    return f"`{table[1]}`.`{table[2]}`" if table else ""


def _explain(statement: str) -> str:
    found = (words for pattern, words in _REFUSED if pattern.match(statement))
    return next(found, "rights on a name that would have to be quoted with care")
