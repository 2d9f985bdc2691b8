"""Observed states in SQL: facts in sealed chunks, each stored once however many scans hold it."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from releve.adapters.store import rows
from releve.adapters.store.chunks import compress, decompress, read_chunk, split_facts
from releve.adapters.store.database import Database
from releve.adapters.store.key_ring import KeyRing
from releve.adapters.store.observed_schema import chunks, contents, scan_chunks, scans
from releve.adapters.store.scan_rows import require_chunks, scan_from_row, values_of_scan
from releve.adapters.store.sealing import stored_wrong
from releve.adapters.store.spool import Spool
from releve.errors import JournalError, PlanError
from releve.model.observed import Fact, FactKind, ScanRecord, ScanRole, require_sorted
from releve.ports.observed_store import MOST_CONTENT_BYTES, ObservedStore

_PLACE: Final = "chunk"
_CROSSINGS: Final = 5  # another process may delete a chunk just when a scan comes to use it
_IN_A_DELETE: Final = 100


class SqlObservedStore(ObservedStore):
    def __init__(self, database: Database, key_ring: KeyRing, *, spool_directory: Path) -> None:
        self._database = database
        self._key_ring = key_ring
        self._spool_directory = spool_directory

    def save(self, record: ScanRecord, facts: Iterable[Fact]) -> ScanRecord:
        count = 0
        with Spool(self._spool_directory) as spool:
            for chunk, number in split_facts(require_sorted(facts)):
                chunk_id = self._key_ring.sealing.digest("facts", chunk)
                spool.add(chunk_id, self._seal(chunk_id, chunk))
                count += number
            saved = replace(record, facts=count)
            values = values_of_scan(saved, spool.ids, self._key_ring.sealing)
            self._transact(lambda connection: self._write_scan(connection, values, spool))
        return saved

    def read_record(self, scan_id: str) -> ScanRecord:
        return scan_from_row(self._read_row(scan_id), self._key_ring.sealing)

    def find_scans(
        self,
        host: str,
        *,
        role: ScanRole | None = None,
        run_id: str = "",
        fingerprint: str = "",
        limit: int = 50,
    ) -> tuple[ScanRecord, ...]:
        given = {"role": role.value if role else "", "run_id": run_id, "fingerprint": fingerprint}
        query = (
            sa.select(scans)
            .where(scans.c.host == host, *(scans.c[n] == v for n, v in given.items() if v))
            .order_by(scans.c.taken_at.desc(), scans.c.number.desc())
            .limit(limit)
        )
        found = self._database.read(query)
        return tuple(scan_from_row(row, self._key_ring.sealing) for row in found)

    def read_facts(self, scan_id: str) -> Iterator[Fact]:
        return self._read_each(self._require_chunk_ids(scan_id))

    def read_differing(self, ours: str, theirs: str) -> tuple[Iterator[Fact], Iterator[Fact]]:
        """A chunk that both have is left out of both where it holds files alone."""
        left, right = self._require_chunk_ids(ours), self._require_chunk_ids(theirs)
        alike = set(left) & set(right)
        alike &= self._find_file_chunks(left) & self._find_file_chunks(right)
        return (
            self._read_each([chunk_id for chunk_id in left if chunk_id not in alike]),
            self._read_each([chunk_id for chunk_id in right if chunk_id not in alike]),
        )

    def delete_scan(self, scan_id: str) -> None:
        self._read_row(scan_id)
        chunk_ids = self._read_chunk_ids(scan_id)

        def delete(connection: sa.Connection) -> None:
            connection.execute(scan_chunks.delete().where(scan_chunks.c.scan_id == scan_id))
            connection.execute(scans.delete().where(scans.c.scan_id == scan_id))
            for first in range(0, len(chunk_ids), _IN_A_DELETE):
                connection.execute(_delete_unused(chunk_ids[first : first + _IN_A_DELETE]))

        self._transact(delete)

    def save_content(self, host: str, digest: str, content: bytes) -> None:
        if len(content) > MOST_CONTENT_BYTES:
            raise ValueError(f"a content of {len(content)} bytes was not bounded by the caller")
        chunk_id = self._key_ring.sealing.digest("content", content)
        values = {"id": self._name_content(host, digest), "host": host, "chunk_id": chunk_id}
        sealed = self._seal(chunk_id, content)
        earlier = sa.select(contents.c.chunk_id).where(contents.c.id == values["id"])

        def write(connection: sa.Connection) -> None:
            self._write_chunks(connection, [(chunk_id, sealed)])
            replaced = connection.scalar(earlier)
            insert = self._database.insert(contents).values(**values)
            connection.execute(
                insert.on_conflict_do_update(index_elements=["id"], set_={"chunk_id": chunk_id})
            )
            if replaced is not None:
                connection.execute(_delete_unused([bytes(replaced)]))

        self._transact(write)

    def read_content(self, host: str, digest: str) -> bytes | None:
        name = self._name_content(host, digest)
        found = self._database.read(sa.select(contents.c.chunk_id).where(contents.c.id == name))
        return self._read_chunk(bytes(found[0]["chunk_id"])) if found else None

    def _require_chunk_ids(self, scan_id: str) -> list[bytes]:
        row = self._read_row(scan_id)
        chunk_ids = self._read_chunk_ids(scan_id)
        require_chunks(row, chunk_ids, self._key_ring.sealing)
        return chunk_ids

    def _read_each(self, chunk_ids: Iterable[bytes]) -> Iterator[Fact]:
        return (fact for chunk_id in chunk_ids for fact in read_chunk(self._read_chunk(chunk_id)))

    def _find_file_chunks(self, chunk_ids: Sequence[bytes]) -> set[bytes]:
        """Those behind the first that ends with a file: files come last in a stream."""
        for place, chunk_id in enumerate(chunk_ids):
            *_, last = read_chunk(self._read_chunk(chunk_id))
            if last.kind is FactKind.FILE:
                return set(chunk_ids[place + 1 :])
        return set()

    def secret_for(self, host: str) -> bytes:
        return self._key_ring.sealing.secret_for(host)

    def _write_scan(self, connection: sa.Connection, values: dict[str, Any], spool: Spool) -> None:
        insert = self._database.insert(scans).values(**values).on_conflict_do_nothing()
        if not connection.execute(insert).rowcount:
            self._require_ours(connection, values)
            return
        for batch in spool.batches():
            self._write_chunks(connection, [(chunk_id, sealed) for _, chunk_id, sealed in batch])
            connection.execute(
                scan_chunks.insert(),
                [
                    {"scan_id": values["scan_id"], "position": position, "chunk_id": chunk_id}
                    for position, chunk_id, _ in batch
                ],
            )

    def _require_ours(self, connection: sa.Connection, values: dict[str, Any]) -> None:
        """A commit whose answer was lost is found done; another scan's id is never taken."""
        query = sa.select(scans.c.sealed).where(scans.c.scan_id == values["scan_id"])
        if connection.scalar(query) != values["sealed"]:
            raise JournalError(
                f"there is a scan {rows.storable(values['scan_id'][:100])!r} already",
                why="an observed state is never overwritten",
                remedy="Scan under a new id",
            )

    def _write_chunks(
        self, connection: sa.Connection, sealed_chunks: Sequence[tuple[bytes, bytes]]
    ) -> None:
        wanted = dict(sealed_chunks)
        there = connection.scalars(sa.select(chunks.c.id).where(chunks.c.id.in_(wanted)))
        missing = wanted.keys() - {bytes(chunk_id) for chunk_id in there}
        if missing:
            connection.execute(
                self._database.insert(chunks).on_conflict_do_nothing(),
                [{"id": chunk_id, "sealed": wanted[chunk_id]} for chunk_id in sorted(missing)],
            )

    def _read_row(self, scan_id: str) -> sa.RowMapping:
        found = self._database.read(sa.select(scans).where(scans.c.scan_id == scan_id))
        if not found:
            raise self._no_such_scan(scan_id)
        return found[0]

    def _read_chunk_ids(self, scan_id: str) -> list[bytes]:
        query = (
            sa.select(scan_chunks.c.chunk_id)
            .where(scan_chunks.c.scan_id == scan_id)
            .order_by(scan_chunks.c.position)
        )
        return [bytes(row["chunk_id"]) for row in self._database.read(query)]

    def _seal(self, chunk_id: bytes, plain: bytes) -> bytes:
        return self._key_ring.sealing.seal(compress(plain), place=_PLACE, name=chunk_id)

    def _read_chunk(self, chunk_id: bytes) -> bytes:
        found = self._database.read(sa.select(chunks.c.sealed).where(chunks.c.id == chunk_id))
        if not found:
            raise stored_wrong("a chunk is not in the store", "it was deleted while it was read")
        sealed = bytes(found[0]["sealed"])
        return decompress(self._key_ring.sealing.open(sealed, place=_PLACE, name=chunk_id))

    def _name_content(self, host: str, digest: str) -> bytes:
        return self._key_ring.sealing.digest("name of content", host.encode(), digest.encode())

    def _transact(self, work: Callable[[sa.Connection], None]) -> None:
        """Once more where another process deleted or took a chunk at the same time."""
        for crossing in range(1, _CROSSINGS + 1):
            try:
                return self._database.transact(work)
            except JournalError as error:
                if crossing == _CROSSINGS or not _is_crossing(error.__cause__):
                    raise
        return None

    def _no_such_scan(self, scan_id: str) -> PlanError:
        known = [row["scan_id"] for row in self._database.read(sa.select(scans.c.scan_id))]
        near = difflib.get_close_matches(scan_id, known, n=3)
        return PlanError(
            f"there is no scan {rows.storable(scan_id[:100])!r}",
            why=f"near: {', '.join(near)}" if near else "",
            remedy="List the scans of a host with `releve scan HOST --list`",
        )


def _delete_unused(chunk_ids: Sequence[bytes]) -> sa.Delete:
    in_a_scan = sa.exists().where(scan_chunks.c.chunk_id == chunks.c.id)
    in_a_content = sa.exists().where(contents.c.chunk_id == chunks.c.id)
    return chunks.delete().where(chunks.c.id.in_(chunk_ids), ~in_a_scan, ~in_a_content)


def _is_crossing(cause: BaseException | None) -> bool:
    deadlock = getattr(getattr(cause, "orig", None), "sqlstate", "") == "40P01"
    return deadlock or isinstance(cause, sa.exc.IntegrityError)
