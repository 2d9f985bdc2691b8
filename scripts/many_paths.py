"""How much memory two scans of very many paths take: saved, read back and compared.

Prints one JSON object; run in a process of its own, because a peak is never forgotten.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from releve.adapters.store import open_observed_store
from releve.drift.compare import compare
from releve.model.observed import Fact, FactKind, ScanRecord, ScanRole

PER_DIRECTORY = 200


def main() -> None:
    wanted = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as directory:
        observed, _findings = open_observed_store(Path(directory), "")
        began = time.monotonic()
        for role, changed in ((ScanRole.LIVE, True), (ScanRole.TWIN, False)):
            record = ScanRecord(role.value, "many", role, "many", "2026-01-01T00:00:00+00:00")
            observed.save(record, make_files(wanted, changed=changed))
        saved = time.monotonic()
        live, twin = (observed.read_facts(role.value) for role in (ScanRole.LIVE, ScanRole.TWIN))
        found = sum(1 for _ in compare(live, twin))
        compared = time.monotonic()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"save": saved - began, "compare": compared - saved, "found": found, "peak_mib": peak}
    print(json.dumps(told))
    if found != wanted // 10_000:
        sys.exit(f"{found} differences were found, {wanted // 10_000} are there")


def make_files(count: int, *, changed: bool) -> Iterator[Fact]:
    for number in range(count):
        directory, name = divmod(number, PER_DIRECTORY)
        mode = "0600" if changed and number % 10_000 == 0 else "0644"
        yield Fact(
            FactKind.FILE,
            f"/opt/d{directory:06d}/f{name:04d}",
            {"type": "file", "mode": mode, "owner": "root", "group": "root",
             "content": f"sha256:{number:064x}"},
            {"mtime": str(number), "size": "4096"},
        )  # fmt: skip


if __name__ == "__main__":
    main()
