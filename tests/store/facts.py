"""Facts by number: the same each time, and in order, however many are asked for."""

from collections.abc import Iterator
from dataclasses import replace

from releve.model.observed import Fact, FactKind, ScanRecord, ScanRole

SCAN = ScanRecord("scan-1", "blog", ScanRole.LIVE, "blog-1", "2026-11-22T12:00:00+00:00")


def record(scan_id: str = "scan-1", **changes: object) -> ScanRecord:
    return replace(SCAN, scan_id=scan_id, **changes)  # type: ignore[arg-type] # fields by name


def make_facts(count: int, *, changed: frozenset[int] = frozenset()) -> Iterator[Fact]:
    """Files in directories of a hundred; those with a number in `changed` have another content."""
    for number in range(count):
        path = f"/srv/app/part-{number // 10_000:04d}/dir-{number // 100:06d}/file-{number:08d}.php"
        content = f"sha256:{number:032x}{number ^ (number in changed):032x}"
        attributes = {"type": "file", "mode": "0644", "owner": "www-data", "content": content}
        yield Fact(FactKind.FILE, path, attributes, {"mtime": "1763800000", "size": str(number)})
