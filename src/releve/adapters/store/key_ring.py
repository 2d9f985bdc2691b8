"""The key that belongs to a database: made with its first secret, missed when it is lost."""

from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from releve.adapters.store.database import Database
from releve.adapters.store.key_file import make_key, read_key
from releve.adapters.store.observed_schema import key_check
from releve.adapters.store.sealing import Sealing
from releve.errors import JournalError


class KeyRing:
    def __init__(self, database: Database, path: Path) -> None:
        self._database = database
        self._path = path

    @cached_property
    def sealing(self) -> Sealing:
        """JournalError when the key is lost, or is not the one this database was begun with."""
        key = read_key(self._path)
        if key is None:
            if self._recorded() is not None:
                raise self._lost()
            key = make_key(self._path)
        sealing = Sealing(key)
        check = sealing.digest("key check")
        insert = self._database.insert(key_check).values(id=1, digest=check)
        self._database.transact(lambda to: to.execute(insert.on_conflict_do_nothing()))
        if self._recorded() != check:
            raise self._another()
        return sealing

    def _recorded(self) -> bytes | None:
        rows = self._database.read(sa.select(key_check.c.digest))
        return bytes(rows[0]["digest"]) if rows else None

    def _lost(self) -> JournalError:
        return JournalError(
            "the key of observed states is lost",
            why=f"{self._path} is not there, and the database holds states sealed with it",
            remedy="Put the key file back from its backup, or set RELEVE_KEY_FILE to it",
        )

    def _another(self) -> JournalError:
        return JournalError(
            "the key of observed states is another one",
            why=f"the database was begun with another key than the one in {self._path}",
            remedy="Put the key file back that belongs to this database, or set RELEVE_KEY_FILE",
        )
