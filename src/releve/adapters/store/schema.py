"""The journal's tables and how a database comes to them, version by version."""

import sqlalchemy as sa

from releve.adapters.store import incident_schema, observed_schema
from releve.errors import JournalError

metadata = sa.MetaData()

runs = sa.Table(
    "releve_run",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("input", sa.Text, nullable=False),  # JSON of RunInput
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("next_action", sa.Text, nullable=False),
    sa.Column("started_at", sa.Text, nullable=False),  # ISO 8601 UTC, as all times here
    sa.Column("ended_at", sa.Text),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.UniqueConstraint("host", "epoch"),
)

events = sa.Table(
    "releve_event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),  # a repeated write is one event
    sa.Column("run_id", sa.Text, sa.ForeignKey("releve_run.run_id"), nullable=False, index=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("data", sa.Text, nullable=False),  # JSON
)

tasks = sa.Table(
    "releve_task",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("run_id", sa.Text, sa.ForeignKey("releve_run.run_id"), nullable=False, index=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),  # JSON of TaskEvent
)

leases = sa.Table(  # PostgreSQL only; who took a lease last, to be sure that nobody did since
    "releve_lease",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # as the key of its lock
    sa.Column("holder", sa.Text, nullable=False),
)

_version = sa.Table("releve_schema", metadata, sa.Column("version", sa.Integer, primary_key=True))


def _create_everything(connection: sa.Connection) -> None:
    metadata.create_all(connection)


def _create_observed(connection: sa.Connection) -> None:
    observed_schema.metadata.create_all(connection)


def _create_incidents(connection: sa.Connection) -> None:
    incident_schema.metadata.create_all(connection)


_MIGRATIONS = (
    _create_everything,
    _create_observed,
    _create_incidents,
)  # only ever appended to: the n-th leads to version n


def migrate(engine: sa.Engine) -> None:
    """Bring the database to this version's tables; JournalError when a newer one wrote it."""
    with engine.connect() as connection:
        if sa.inspect(connection).has_table(_version.name) and _read(connection) == _newest():
            return
    with engine.begin() as connection:
        _exclude_others(connection)
        _version.create(connection, checkfirst=True)
        current = _read(connection)
        if current > _newest():
            raise JournalError(
                f"the journal has version {current}",
                why=f"this version of Relève knows version {_newest()}",
                remedy="Use the version of Relève that wrote it, or a newer one",
            )
        for migration in _MIGRATIONS[current:]:
            migration(connection)
        connection.execute(_version.delete())
        connection.execute(_version.insert().values(version=_newest()))


def _newest() -> int:
    return len(_MIGRATIONS)


def _read(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.select(sa.func.max(_version.c.version))) or 0)


def _exclude_others(connection: sa.Connection) -> None:
    """Two processes may see the same old database at the same time."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("select pg_advisory_xact_lock(hashtext('releve schema'))"))
    else:
        connection.execute(sa.text("begin immediate"))
