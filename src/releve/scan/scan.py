"""Reads a machine over SSH, live or a mounted dead root: nothing is written on it."""

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from releve.model.observed import Fact, ScanRecord
from releve.model.server_text import show_server_text
from releve.ports.access import Access, CommandResult, Door
from releve.ports.observed_store import ObservedStore
from releve.scan.earlier import keep_spool, read_spool
from releve.scan.program import edition
from releve.scan.reception import Reception
from releve.scan.remote import run_program
from releve.scan.request import ScanBounds, ScanRequest
from releve.scan.spool import Spool
from releve.scan.tree import Tree


@dataclass
class Observation:
    """What one scan brought; its facts can be walked more than once."""

    others: list[Fact]  # sorted, all but files
    spool: Spool
    complete: bool
    seconds: float
    bounds: ScanBounds

    def facts(self) -> Iterator[Fact]:
        """CommandFailed where the tree of files turns out to be none."""
        yield from self.others
        yield from Tree(self.spool.lines(), is_cut=not self.complete, bounds=self.bounds).facts()

    def close(self) -> None:
        self.spool.close()


def scan_host(access: Access, door: Door, request: ScanRequest) -> Iterator[Fact]:
    """Sorted facts; where the scan was cut, one of them is NOT_CHECKED with the key `scan`."""
    observation = observe(access, door, request)
    try:
        yield from observation.facts()
    finally:
        observation.close()


def scan_and_save(
    access: Access, door: Door, request: ScanRequest, *, record: ScanRecord, store: ObservedStore
) -> ScanRecord:
    """The record as saved; the next scan of this host and role is the faster for it."""
    if request.earlier is None and not request.afresh:
        request = replace(request, earlier=read_spool(store, record))
    observation = observe(access, door, request)
    try:
        saved = store.save(
            replace(
                record,
                offline=bool(request.root),
                full=request.full,
                complete=observation.complete,
                seconds=observation.seconds,
            ),
            observation.facts(),
        )
        if observation.complete:
            keep_spool(store, saved, observation.spool)
    finally:
        observation.close()
    return saved


def observe(access: Access, door: Door, request: ScanRequest) -> Observation:
    """Unreachable or CommandFailed where there is no scan at all; cut by a bound it is partial."""
    reception = Reception(bounds=request.bounds, earlier=request.earlier)
    started = time.monotonic()
    framing, result = run_program(
        access, door, _spell(request), bounds=request.bounds, take_line=reception.take_line
    )
    if not framing.is_ended:
        reception.facts.note("scan", _explain_cut(result))
    return Observation(
        reception.facts.sorted(),
        reception.spool,
        complete=framing.is_ended,
        seconds=time.monotonic() - started,
        bounds=request.bounds,
    )


def _spell(request: ScanRequest) -> dict[str, object]:
    known = request.earlier.fingerprints() if request.earlier else b""
    return {
        "edition": edition(),
        "secret": request.secret.hex(),
        "full": request.full,
        "root": request.root,
        "skip": list(request.skip),
        "known": base64.b64encode(known).decode("ascii"),
    }


def _explain_cut(result: CommandResult) -> str:
    if result.cut:
        return "it was cut at a bound of time, silence or size: what is missing is unknown"
    words = show_server_text(result.stderr[-300:], limit=200)
    return f"it ended early, exit code {result.exit_code}: {words}"
