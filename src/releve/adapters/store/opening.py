"""Everything kept, in a state directory or in a PostgreSQL database."""

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from releve.adapters.store.database import Database
from releve.adapters.store.file_lease import FileLease
from releve.adapters.store.findings import SqlFindingStore
from releve.adapters.store.incidents import SqlIncidentStore
from releve.adapters.store.journal import SqlJournal
from releve.adapters.store.key_ring import KeyRing
from releve.adapters.store.observed import SqlObservedStore
from releve.adapters.store.postgres_lease import PostgresLease
from releve.adapters.store.schema import migrate
from releve.errors import JournalError, PlanError
from releve.ports.finding_store import FindingStore
from releve.ports.incident_store import IncidentStore
from releve.ports.journal import Journal, Lease
from releve.ports.observed_store import ObservedStore
from releve.workflow.state_file import prepare_state_file

_BUSY_SECONDS = 120


def open_store(state_directory: Path, database_url: str = "") -> tuple[Journal, Lease]:
    """`database_url`: of PostgreSQL; empty means SQLite in the state directory."""
    database = _open_database(state_directory, database_url)
    if database_url:
        return SqlJournal(database), PostgresLease(database.engine)
    return SqlJournal(database), FileLease(state_directory / "leases")


def open_observed_store(
    state_directory: Path, database_url: str = "", *, key_file: Path | None = None
) -> tuple[ObservedStore, FindingStore]:
    """In the same database; the key is STATE/keys/observed.key unless another file is named."""
    database = _open_database(state_directory, database_url)
    key_ring = _open_key_ring(database, state_directory, key_file)
    observed = SqlObservedStore(database, key_ring, spool_directory=state_directory / "spool")
    return observed, SqlFindingStore(database, key_ring)


def open_incident_store(
    state_directory: Path, database_url: str = "", *, key_file: Path | None = None
) -> IncidentStore:
    """In the same database, and under the same key."""
    database = _open_database(state_directory, database_url)
    return SqlIncidentStore(database, _open_key_ring(database, state_directory, key_file))


def _open_key_ring(database: Database, state_directory: Path, key_file: Path | None) -> KeyRing:
    return KeyRing(database, key_file or state_directory / "keys" / "observed.key")


def _open_database(state_directory: Path, database_url: str) -> Database:
    engine = _open_postgres(database_url) if database_url else _open_sqlite(state_directory)
    try:
        migrate(engine)
    except sa.exc.SQLAlchemyError as error:
        raise JournalError(
            "the journal cannot be opened",
            why=str(error.orig if isinstance(error, sa.exc.DBAPIError) else error).strip(),
            remedy="Bring its database back, or make room for it",
        ) from error
    return Database(engine)


def _open_sqlite(state_directory: Path) -> sa.Engine:
    path = state_directory / "journal.db"
    prepare_state_file(path)
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": _BUSY_SECONDS}
    )

    @sa.event.listens_for(engine, "connect")
    def _make_durable(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("pragma synchronous=full")  # durable when the call returns
        connection.execute("pragma foreign_keys=on")

    return engine


def _open_postgres(database_url: str) -> sa.Engine:
    try:
        url = sa.make_url(database_url)
    except sa.exc.ArgumentError as error:
        raise _wrong_url(str(error)) from error
    if url.get_backend_name() != "postgresql":
        raise _wrong_url(f"it names {url.get_backend_name()}")
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        connect_args={"connect_timeout": 10, "keepalives_idle": 20, "keepalives_interval": 5},
    )


def _wrong_url(why: str) -> PlanError:
    return PlanError(
        "the database URL is not one of PostgreSQL",
        why=why,
        remedy="Write it as postgresql://user@host/database, or leave it out for SQLite",
    )
