"""How an account of a database logs in: read strictly, and written anew."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from releve.codify.scalars import NotExpressible

Holds = Callable[[str, bytes], bool]  # whether a digest of a scan is that of these bytes

_OLD_FORM: Final = re.compile(r"IDENTIFIED BY PASSWORD '([^'\\]*)'")
_METHOD: Final = re.compile(r"([a-z0-9_]{1,64})(?: USING '([^'\\]*)')?")
_STORED: Final = {  # plug-in to the form of what it stores
    "mysql_native_password": re.compile(r"(?:\*[0-9A-F]{40}|invalid)?"),
    "ed25519": re.compile(r"[A-Za-z0-9+/]{43}"),
    "unix_socket": re.compile(r""),
}
_PASSWORD: Final = re.compile(r"password ([!-~]{1,1000})")  # as of PostgreSQL, in our words
_VERIFIER: Final = re.compile(
    r"SCRAM-SHA-256\$\d{1,9}:[A-Za-z0-9+/=]{4,200}\$[A-Za-z0-9+/=]{44}:[A-Za-z0-9+/=]{44}"
    r"|md5[0-9a-f]{32}"
)
_CONDITIONS: Final = re.compile(r" (?:REQUIRE|WITH MAX_|ACCOUNT|PASSWORD EXPIRE)\b")
_NOTHING: Final = "IDENTIFIED BY ''"


@dataclass(frozen=True)
class Method:
    plugin: str
    stored: str  # what it is checked against, or its digest; empty: nothing


@dataclass(frozen=True)
class Login:
    methods: tuple[Method, ...]  # any of them will do

    @property
    def has_secret(self) -> bool:
        return any(method.stored for method in self.methods)

    @property
    def plugins(self) -> tuple[str, ...]:
        return tuple(method.plugin for method in self.methods)


def read_login(text: str) -> Login:
    """Of what MariaDB has behind the name in CREATE USER, with digests or with what is stored."""
    if not text:
        return Login((Method("mysql_native_password", ""),))
    if _CONDITIONS.search(text):
        raise NotExpressible("it logs in under conditions or limits, is locked, or expires")
    if old := _OLD_FORM.fullmatch(text):
        return Login((Method("mysql_native_password", old[1]),))
    if not text.startswith("IDENTIFIED VIA "):
        raise NotExpressible("how it logs in is not said in MariaDB's form")
    methods = []
    for part in text.removeprefix("IDENTIFIED VIA ").split(" OR "):
        found = _METHOD.fullmatch(part)
        if found is None or found[1] not in _STORED or (found[1] == "unix_socket" and found[2]):
            raise NotExpressible(f"it logs in by something else than {', '.join(_STORED)}")
        methods.append(Method(found[1], found[2] or ""))
    return Login(tuple(methods))


def read_password(text: str) -> Login:
    """Of a role of PostgreSQL, as a scan tells it: `no password`, or `password` and its digest."""
    if text == "no password":
        return Login((Method("password", ""),))
    found = _PASSWORD.fullmatch(text)
    if found is None:
        raise NotExpressible("nothing says whether it has a password")
    return Login((Method("password", found[1]),))


def is_same_login(account: str, seen: str, *, told: str, holds: Holds) -> bool:
    """Whether what the host tells of a quoted account now is what the scan saw."""
    read = read_password if account.startswith('"') else read_login
    try:
        scanned, now = read(seen), read(told)
    except NotExpressible:
        return False
    return scanned.plugins == now.plugins and all(
        holds(one.stored, other.stored.encode()) if one.stored else not other.stored
        for one, other in zip(scanned.methods, now.methods, strict=True)
    )


def write_login(login: Login) -> str:
    """What CREATE USER and ALTER USER take; NotExpressible for a stored text of unknown form."""
    if login == read_login(""):
        return _NOTHING
    return "IDENTIFIED VIA " + " OR ".join(_write(method) for method in login.methods)


def write_password(login: Login) -> str:
    """What stands behind PASSWORD in CREATE ROLE."""
    (method,) = login.methods
    if not method.stored:
        return "NULL"
    if not _VERIFIER.fullmatch(method.stored):
        raise NotExpressible("what its password is checked against has an unknown form")
    return f"'{method.stored}'"


def _write(method: Method) -> str:
    if not _STORED[method.plugin].fullmatch(method.stored):
        raise NotExpressible("what its password is checked against has an unknown form")
    return f"{method.plugin} USING '{method.stored}'" if method.stored else method.plugin
