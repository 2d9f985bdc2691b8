"""How accounts of MariaDB log in on a host, with what is stored: never kept, shown or logged."""

import re
from collections.abc import Sequence
from typing import Final

from releve.ports.access import Access, Door

_CLIENT: Final = ("mariadb", "--batch", "--skip-column-names", "--binary-mode", "--force")
_SECONDS: Final = 30.0
_LINE: Final = re.compile(r"CREATE USER (`[^`]*`@`[^`]*`) ?(.{0,2000})")
MOST_ACCOUNTS: Final = 500


def read_database_logins(access: Access, door: Door, accounts: Sequence[str]) -> dict[str, str]:
    """By account, as given: quoted names of safe characters; without those that are gone."""
    asked = accounts[:MOST_ACCOUNTS]
    query = ["SET SESSION sql_mode = '';"]
    query += [f"SHOW CREATE USER {account};" for account in asked]
    result = access.run_command(
        door,
        command=_CLIENT if door.user == "root" else ("sudo", "-n", *_CLIENT),
        stdin="\n".join(query).encode("ascii") + b"\n",
        timeout_seconds=_SECONDS,
    )
    lines = map(_LINE.fullmatch, result.stdout.decode("utf-8", "surrogateescape").split("\n"))
    return {found[1]: found[2] for found in lines if found and found[1] in asked}
