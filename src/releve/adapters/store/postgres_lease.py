"""Leases as PostgreSQL session locks: the server frees them when the connection ends."""

import contextlib
import hashlib
import threading
import time
import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from releve.adapters.store.schema import leases
from releve.errors import JournalError, RunHeld
from releve.ports.journal import Lease

_RECONNECT_WITHIN_SECONDS = 60.0


class PostgresLease(Lease):
    """Locks of one session, taken again after the server restarted.

    Whoever takes a lease leaves a name in a row, so nobody can have had it in between unseen.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._holder = uuid.uuid4().hex
        self._connection: sa.Connection | None = None
        self._names: tuple[str, ...] = ()
        self._guard = threading.Lock()

    def hold(self, names: Sequence[str]) -> None:
        with self._guard:
            wanted = sorted(set(names) - set(self._names))
            try:
                self._connection = self._connection or self._connect()
                self._take(self._connection, wanted)
            except sa.exc.SQLAlchemyError as error:
                self._drop_connection()
                raise _unusable(error) from error
            self._names += tuple(wanted)

    def is_held(self, name: str) -> bool:
        key = _key(name)
        query = sa.text(
            "select exists (select 1 from pg_locks where locktype = 'advisory' and granted"
            " and database = (select oid from pg_database where datname = current_database())"
            " and classid = :high and objid = :low and objsubid = 1)"
        ).bindparams(high=(key >> 32) & 0xFFFFFFFF, low=key & 0xFFFFFFFF)
        try:
            with self._engine.connect() as connection:
                return bool(connection.scalar(query))
        except sa.exc.SQLAlchemyError as error:
            raise _unusable(error) from error

    def verify(self) -> None:
        with self._guard:
            if not self._names:
                return
            try:
                if self._connection is not None:
                    self._connection.scalar(sa.select(1))
                    return
            except sa.exc.SQLAlchemyError:
                self._drop_connection()
            self._hold_again()

    def release(self) -> None:
        with self._guard:
            self._names = ()
            self._drop_connection()

    def _connect(self) -> sa.Connection:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(sa.text("set idle_session_timeout = 0"))
        return connection

    def _take(self, connection: sa.Connection, names: Sequence[str]) -> None:
        """All of them, or RunHeld and none."""
        taken: list[str] = []
        for name in names:
            if not _try_lock(connection, name):
                for other in taken:
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(_key(other))))
                raise _held_elsewhere(name)
            taken.append(name)
        for name in names:
            row = postgresql.insert(leases).values(name=str(_key(name)), holder=self._holder)
            connection.execute(
                row.on_conflict_do_update(index_elements=["name"], set_={"holder": self._holder})
            )

    def _hold_again(self) -> None:
        until = time.monotonic() + _RECONNECT_WITHIN_SECONDS
        while True:
            try:
                connection = self._connect()
                self._require_untouched(connection)
            except sa.exc.SQLAlchemyError as error:
                if time.monotonic() > until:
                    raise _unusable(error) from error
                time.sleep(0.5)
            else:
                self._connection = connection
                return

    def _require_untouched(self, connection: sa.Connection) -> None:
        for name in self._names:
            if not _try_lock(connection, name):
                raise _held_elsewhere(name)
            query = sa.select(leases.c.holder).where(leases.c.name == str(_key(name)))
            if connection.scalar(query) != self._holder:
                raise _held_elsewhere(name)

    def _drop_connection(self) -> None:
        """Ends the session itself, and with it its locks: a pooled session would keep them."""
        if self._connection is not None:
            with contextlib.suppress(sa.exc.SQLAlchemyError):  # a dead session holds none
                self._connection.execute(sa.select(sa.func.pg_advisory_unlock_all()))
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


def _try_lock(connection: sa.Connection, name: str) -> bool:
    return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_lock(_key(name)))))


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"releve {name}".encode()).digest()[:8], signed=True)


def _held_elsewhere(name: str) -> RunHeld:
    return RunHeld(
        f"another process drives {name}",
        remedy="Wait for it, or follow it with `releve runs`",
    )


def _unusable(error: sa.exc.SQLAlchemyError) -> JournalError:
    return JournalError(
        "the leases cannot be read or written",
        why=str(error.orig if isinstance(error, sa.exc.DBAPIError) else error).strip(),
        remedy="Bring the run database back, then resume the run",
    )
