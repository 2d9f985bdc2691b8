"""One database, SQLite or PostgreSQL: short transactions, and a restart is waited for."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from releve.errors import JournalError

_RECONNECT_WITHIN_SECONDS = 60.0

_Result = TypeVar("_Result")


class Database:
    def __init__(self, engine: sa.Engine) -> None:
        """`engine`: of a database that `schema.migrate` has been through."""
        self.engine = engine
        self.insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def read(self, query: sa.Select[Any]) -> list[sa.RowMapping]:
        return self.transact(lambda connection: list(connection.execute(query).mappings()))

    def transact(self, work: Callable[[sa.Connection], _Result]) -> _Result:
        """Commit or raise JournalError; `work` is done again where the connection was lost."""
        until = time.monotonic() + _RECONNECT_WITHIN_SECONDS
        while True:
            try:
                with self.engine.begin() as connection:
                    return work(connection)
            except sa.exc.SQLAlchemyError as error:
                if not _is_connection_lost(error) or time.monotonic() > until:
                    raise _unusable(error) from error
                time.sleep(0.5)


def _is_connection_lost(error: sa.exc.SQLAlchemyError) -> bool:
    """Only PostgreSQL's; a SQLite file that cannot be opened does not come back by itself."""
    if not isinstance(error, sa.exc.DBAPIError) or "sqlite" in type(error.orig).__module__:
        return False
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return error.connection_invalidated or state.startswith(("08", "57P")) or not state


def _unusable(error: sa.exc.SQLAlchemyError) -> JournalError:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return JournalError(
        "the journal cannot be read or written",
        why=str(cause).strip(),
        remedy="Make room, or bring its database back; the run is intact and can be resumed",
    )
