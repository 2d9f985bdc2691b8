"""Findings, decisions and learned noise in SQL, sealed."""

import difflib
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from releve.adapters.store import rows
from releve.adapters.store.chunks import compress, decompress
from releve.adapters.store.database import Database
from releve.adapters.store.finding_rows import (
    decision_from_bytes,
    decision_to_bytes,
    finding_from_bytes,
    finding_to_bytes,
    mark_from_bytes,
    mark_name,
    mark_to_bytes,
)
from releve.adapters.store.key_ring import KeyRing
from releve.adapters.store.observed_schema import decisions, findings, noise
from releve.errors import PlanError
from releve.model.finding import Decision, Finding, TrackedFinding
from releve.model.finding_life import Sighting, first_sighting, in_order, track
from releve.model.noise import NoiseMark
from releve.ports.finding_store import FindingStore

_FINDING: Final = "finding"
_DECISION: Final = "decision"
_NOISE: Final = "noise"


class SqlFindingStore(FindingStore):
    def __init__(self, database: Database, key_ring: KeyRing) -> None:
        self._database = database
        self._key_ring = key_ring

    def save_findings(self, host: str, findings: Sequence[Finding], *, at: str) -> None:
        named = {self._name(host, finding.fingerprint): finding for finding in findings}
        bodies = {name: self._seal_finding(name, finding) for name, finding in named.items()}
        self._database.transact(
            lambda connection: self._write(connection, host, bodies=bodies, at=at)
        )

    def list_findings(self, host: str, *, at: str) -> tuple[TrackedFinding, ...]:
        decided = self._read_decisions(findings.c.host == host)
        return in_order(
            [
                track(self._open_finding(row), _sighting(row), decided[bytes(row["id"])], at=at)
                for row in self._database.read(sa.select(findings).where(findings.c.host == host))
            ]
        )

    def decide(self, decision: Decision) -> None:
        name = self._name(decision.host, decision.fingerprint)
        key = uuid.uuid4().hex
        body = decision_to_bytes(decision)
        sealed = self._key_ring.sealing.seal(body, place=_DECISION, name=name)
        values = {"key": key, "finding_id": name, "sealed": sealed}
        insert = self._database.insert(decisions).values(**values)
        is_there = sa.select(sa.exists().where(findings.c.id == name))

        def write(connection: sa.Connection) -> bool:
            if there := bool(connection.scalar(is_there)):
                connection.execute(insert.on_conflict_do_nothing(index_elements=["key"]))
            return there

        if not self._database.transact(write):
            raise self._no_such_finding(decision.host, decision.fingerprint)

    def read_decisions(self, host: str, fingerprint: str) -> tuple[Decision, ...]:
        name = self._name(host, fingerprint)
        return tuple(self._read_decisions(findings.c.id == name)[name])

    def save_noise(self, host: str, base_image: str, marks: Iterable[NoiseMark]) -> None:
        place = self._place(host, base_image)
        values = [self._values_of_mark(place, mark) for mark in marks]

        def write(connection: sa.Connection) -> None:
            connection.execute(self._database.insert(noise).on_conflict_do_nothing(), values)

        if values:
            self._database.transact(write)

    def read_noise(self, host: str, base_image: str) -> frozenset[NoiseMark]:
        query = sa.select(noise).where(noise.c.place == self._place(host, base_image))
        return frozenset(
            mark_from_bytes(self._open(row["sealed"], _NOISE, bytes(row["id"])))
            for row in self._database.read(query)
        )

    def _write(
        self, connection: sa.Connection, host: str, *, bodies: Mapping[bytes, bytes], at: str
    ) -> None:
        query = sa.select(findings).where(findings.c.host == host)
        known = {bytes(row["id"]): _sighting(row) for row in connection.execute(query).mappings()}
        for name, sealed in bodies.items():
            sighting = known[name].seen_again(at) if name in known else first_sighting(at)
            values = {
                "first_seen": sighting.first_seen,
                "opened_at": sighting.opened_at,
                "last_seen": sighting.last_seen,
                "gone": False,
                "sealed": sealed,
            }
            insert = self._database.insert(findings).values(id=name, host=host, **values)
            connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=values))
        for name in known.keys() - bodies.keys():
            connection.execute(findings.update().where(findings.c.id == name).values(gone=True))

    def _read_decisions(self, of_finding: sa.ColumnElement[bool]) -> dict[bytes, list[Decision]]:
        query = (
            sa.select(decisions.c.finding_id, decisions.c.sealed)
            .join(findings, findings.c.id == decisions.c.finding_id)
            .where(of_finding)
            .order_by(decisions.c.number)
        )
        found: dict[bytes, list[Decision]] = defaultdict(list)
        for row in self._database.read(query):
            name = bytes(row["finding_id"])
            found[name].append(decision_from_bytes(self._open(row["sealed"], _DECISION, name)))
        return found

    def _values_of_mark(self, place: bytes, mark: NoiseMark) -> dict[str, Any]:
        name = self._key_ring.sealing.digest("mark", place, mark_name(mark))
        sealed = self._key_ring.sealing.seal(mark_to_bytes(mark), place=_NOISE, name=name)
        return {"id": name, "place": place, "sealed": sealed}

    def _seal_finding(self, name: bytes, finding: Finding) -> bytes:
        body = compress(finding_to_bytes(finding))
        return self._key_ring.sealing.seal(body, place=_FINDING, name=name)

    def _open_finding(self, row: sa.RowMapping) -> Finding:
        body = self._open(row["sealed"], _FINDING, bytes(row["id"]))
        return finding_from_bytes(decompress(body))

    def _open(self, sealed: bytes, place: str, name: bytes) -> bytes:
        return self._key_ring.sealing.open(bytes(sealed), place=place, name=name)

    def _name(self, host: str, fingerprint: str) -> bytes:
        return self._key_ring.sealing.digest("name of finding", host.encode(), fingerprint.encode())

    def _place(self, host: str, base_image: str) -> bytes:
        return self._key_ring.sealing.digest("place of noise", host.encode(), base_image.encode())

    def _no_such_finding(self, host: str, fingerprint: str) -> PlanError:
        query = sa.select(findings).where(findings.c.host == host)
        known = [self._open_finding(row).fingerprint for row in self._database.read(query)]
        near = difflib.get_close_matches(fingerprint, known, n=3)
        return PlanError(
            f"{rows.storable(host[:100])} has no finding {rows.storable(fingerprint[:100])!r}",
            why=f"near: {', '.join(near)}" if near else "",
            remedy="List the findings of a host with `releve findings HOST`",
        )


def _sighting(row: sa.RowMapping) -> Sighting:
    return Sighting(row["first_seen"], row["opened_at"], row["last_seen"], bool(row["gone"]))
