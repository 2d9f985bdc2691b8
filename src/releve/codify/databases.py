"""Databases and their accounts: each by its engine's own writer."""

from collections.abc import Callable, Mapping
from typing import Final

from releve.codify import mariadb, postgresql
from releve.codify.outcome import Outcome, Work, leave_out
from releve.model.finding import Deviation
from releve.model.observed import FactKind

_WRITERS: Final[Mapping[tuple[FactKind, str], Callable[[Deviation, Work], Outcome]]] = {
    (FactKind.DATABASE, "mariadb"): mariadb.write_database,
    (FactKind.DATABASE_ROLE, "mariadb"): mariadb.write_account,
    (FactKind.DATABASE, "postgresql"): postgresql.write_database,
    (FactKind.DATABASE_ROLE, "postgresql"): postgresql.write_role,
}


def write_of_engine(deviation: Deviation, work: Work) -> Outcome:
    writer = _WRITERS.get((deviation.kind, _engine_of(deviation)))
    if writer is None:
        reason = "only MariaDB is written, and PostgreSQL at its usual port"
        return leave_out(deviation, reason, remedy="make it in a role of yours")
    return writer(deviation, work)


def find_needed_login(deviation: Deviation) -> tuple[str, str] | None:
    """The quoted account and how a scan saw it log in, where the live host must say the rest."""
    if deviation.kind is not FactKind.DATABASE_ROLE or deviation.ours is None:
        return None
    engine = _engine_of(deviation)
    if engine == "mariadb":
        return mariadb.find_needed_login(deviation)
    return postgresql.find_needed_login(deviation) if engine == "postgresql" else None


def _engine_of(deviation: Deviation) -> str:
    return deviation.key.partition(" ")[0]


KINDS = {FactKind.DATABASE: write_of_engine, FactKind.DATABASE_ROLE: write_of_engine}
