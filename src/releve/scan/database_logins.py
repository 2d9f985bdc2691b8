"""How accounts of databases log in on a host, with what is stored: never kept, shown or logged."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from releve.ports.access import Access, Door, as_root

MOST_ACCOUNTS: Final = 500

_MARIADB: Final = ("mariadb", "--batch", "--skip-column-names", "--binary-mode", "--force")
_POSTGRESQL: Final = (
    *("runuser", "-u", "postgres", "--", "env", "-C", "/", "PGCONNECT_TIMEOUT=5"),
    *("psql", "-AtXq", "-p", "5432", "-d", "postgres"),
)
_PASSWORDS: Final = "SELECT json_build_array(rolname, coalesce(rolpassword, '')) FROM pg_authid;\n"
_SECONDS: Final = 30.0
_LINE: Final = re.compile(r"CREATE USER (`[^`]*`@`[^`]*`) ?(.{0,2000})")


def read_database_logins(access: Access, door: Door, accounts: Sequence[str]) -> dict[str, str]:
    """By account, as given: quoted names of safe characters; without those that are gone.

    In backticks they are MariaDB's, with what CREATE USER has behind the name; in double quotes
    PostgreSQL's, with `password` and what is stored, or `no password`.
    """
    asked = accounts[:MOST_ACCOUNTS]
    of_mariadb = [account for account in asked if account.startswith("`")]
    told: dict[str, str] = {}
    if of_mariadb:
        told |= _ask_mariadb(access, door, of_mariadb)
    if len(of_mariadb) < len(asked):
        told |= _ask_postgresql(access, door)
    return {account: told[account] for account in asked if account in told}


def _ask_mariadb(access: Access, door: Door, accounts: Sequence[str]) -> dict[str, str]:
    query = ["SET SESSION sql_mode = '';"]
    query += [f"SHOW CREATE USER {account};" for account in accounts]
    lines = map(_LINE.fullmatch, _ask(access, door, _MARIADB, query="\n".join(query) + "\n"))
    return {found[1]: found[2] for found in lines if found}


def _ask_postgresql(access: Access, door: Door) -> dict[str, str]:
    told = {}
    for line in _ask(access, door, _POSTGRESQL, query=_PASSWORDS):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, list) and len(row) == 2 and all(isinstance(word, str) for word in row):
            told[f'"{row[0]}"'] = f"password {row[1]}" if row[1] else "no password"
    return told


def _ask(access: Access, door: Door, client: tuple[str, ...], *, query: str) -> Iterator[str]:
    result = access.run_command(
        door,
        command=as_root(door, *client),
        stdin=query.encode("ascii"),
        timeout_seconds=_SECONDS,
    )
    yield from result.stdout.decode("utf-8", "surrogateescape").split("\n")
