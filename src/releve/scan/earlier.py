"""What makes the next scan of a host fast: the lines of the last one, kept in the store."""

import hashlib
from typing import Final

from releve.model.observed import ScanRecord
from releve.ports.observed_store import ObservedStore
from releve.scan.spool import Spool, load_spool

_PIECE: Final = 1 << 20  # the store takes no larger content


def read_spool(store: ObservedStore, record: ScanRecord) -> Spool | None:
    """None where there is none, or it is damaged or half overwritten."""
    header = store.read_content(record.host, _name(record, "header"))
    if header is None:
        return None
    count, _, digest = header.decode("ascii", "replace").partition(" ")
    pieces = [store.read_content(record.host, _name(record, n)) for n in range(int(count))]
    content = b"".join(piece or b"" for piece in pieces)
    return load_spool(content) if hashlib.sha256(content).hexdigest() == digest else None


def keep_spool(store: ObservedStore, record: ScanRecord, spool: Spool) -> None:
    """Nothing where it is too large: the next scan then reads everything again."""
    content = spool.dump()
    if content is None:
        return
    pieces = [content[start : start + _PIECE] for start in range(0, len(content), _PIECE)]
    for number, piece in enumerate(pieces):
        store.save_content(record.host, _name(record, number), piece)
    header = f"{len(pieces)} {hashlib.sha256(content).hexdigest()}"
    store.save_content(record.host, _name(record, "header"), header.encode("ascii"))


def _name(record: ScanRecord, part: int | str) -> str:
    return f"earlier scan {record.role} {part}"
