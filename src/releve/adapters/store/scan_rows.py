"""Records of scans from and to their rows: sealed, but for what they are searched by."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from releve.adapters.store.rows import time_to_text
from releve.adapters.store.sealing import Sealing, stored_wrong
from releve.model.observed import ScanRecord, ScanRole

_PLACE = "scan"


def values_of_scan(
    record: ScanRecord, chunk_ids: Sequence[bytes], sealing: Sealing
) -> dict[str, Any]:
    body = json.dumps({"record": asdict(record), "chunks": _fold(chunk_ids)}).encode()
    return {
        "scan_id": record.scan_id,
        "host": record.host,
        "role": record.role.value,
        "run_id": record.run_id,
        "fingerprint": record.fingerprint,
        "taken_at": comparable_time(record.taken_at),
        "sealed": sealing.seal(body, place=_PLACE, name=record.scan_id.encode()),
    }


def scan_from_row(row: sa.RowMapping, sealing: Sealing) -> ScanRecord:
    fields = _open(row, sealing)["record"]
    return ScanRecord(**{**fields, "role": ScanRole(fields["role"])})


def require_chunks(row: sa.RowMapping, chunk_ids: Sequence[bytes], sealing: Sealing) -> None:
    """JournalError where the list of chunks is not the one that was saved."""
    if _open(row, sealing)["chunks"] != _fold(chunk_ids):
        raise stored_wrong(
            f"the facts of scan {row['scan_id']} are not whole",
            "a chunk is missing, was added, or stands at another place",
        )


def comparable_time(text: str) -> str:
    """The same moment as UTC text that sorts; without an offset it is UTC already."""
    moment = datetime.fromisoformat(text)
    return time_to_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _open(row: sa.RowMapping, sealing: Sealing) -> dict[str, Any]:
    sealed = bytes(row["sealed"])
    body: dict[str, Any] = json.loads(
        sealing.open(sealed, place=_PLACE, name=row["scan_id"].encode())
    )
    return body


def _fold(chunk_ids: Sequence[bytes]) -> str:
    return sha256(b"".join(chunk_ids)).hexdigest()
