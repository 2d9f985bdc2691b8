"""Observed states in memory: what the store promises, without a database or a key."""

import difflib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from releve.errors import JournalError, PlanError
from releve.model.observed import Fact, FactKind, ScanRecord, ScanRole, require_sorted
from releve.ports.observed_store import MOST_CONTENT_BYTES, ObservedStore


class FakeObservedStore(ObservedStore):
    def __init__(self) -> None:
        self._scans: dict[str, tuple[ScanRecord, tuple[Fact, ...]]] = {}
        self._contents: dict[tuple[str, str], bytes] = {}

    def save(self, record: ScanRecord, facts: Iterable[Fact]) -> ScanRecord:
        taken = tuple(require_sorted(facts))
        if record.scan_id in self._scans:
            raise JournalError(
                f"there is a scan {record.scan_id!r} already", remedy="Scan under a new id"
            )
        saved = replace(record, facts=len(taken))
        self._scans[record.scan_id] = (saved, taken)
        return saved

    def read_record(self, scan_id: str) -> ScanRecord:
        return self._find(scan_id)[0]

    def find_scans(
        self,
        host: str,
        *,
        role: ScanRole | None = None,
        run_id: str = "",
        fingerprint: str = "",
        limit: int = 50,
    ) -> tuple[ScanRecord, ...]:
        found = [
            record
            for record, _facts in reversed(self._scans.values())
            if record.host == host
            and role in {None, record.role}
            and run_id in {"", record.run_id}
            and fingerprint in {"", record.fingerprint}
        ]
        return tuple(sorted(found, key=_moment, reverse=True)[:limit])

    def read_facts(self, scan_id: str) -> Iterator[Fact]:
        return iter(self._find(scan_id)[1])

    def read_differing(self, ours: str, theirs: str) -> tuple[Iterator[Fact], Iterator[Fact]]:
        left, right = self._find(ours)[1], self._find(theirs)[1]
        alike = {fact.key for fact in left if fact.kind is FactKind.FILE and fact in right}
        return _without(left, alike), _without(right, alike)

    def delete_scan(self, scan_id: str) -> None:
        self._find(scan_id)
        del self._scans[scan_id]

    def save_content(self, host: str, digest: str, content: bytes) -> None:
        if len(content) > MOST_CONTENT_BYTES:
            raise ValueError(f"a content of {len(content)} bytes was not bounded by the caller")
        self._contents[host, digest] = content

    def read_content(self, host: str, digest: str) -> bytes | None:
        return self._contents.get((host, digest))

    def secret_for(self, host: str) -> bytes:
        return hashlib.sha256(f"fake secret of {host}".encode()).digest()

    def _find(self, scan_id: str) -> tuple[ScanRecord, tuple[Fact, ...]]:
        if scan_id not in self._scans:
            near = difflib.get_close_matches(scan_id, self._scans, n=3)
            raise PlanError(
                f"there is no scan {scan_id!r}",
                why=f"near: {', '.join(near)}" if near else "",
                remedy="List the scans of a host with `releve scan HOST --list`",
            )
        return self._scans[scan_id]


def _moment(record: ScanRecord) -> datetime:
    moment = datetime.fromisoformat(record.taken_at)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _without(facts: Iterable[Fact], paths: set[str]) -> Iterator[Fact]:
    return (fact for fact in facts if fact.kind is not FactKind.FILE or fact.key not in paths)
