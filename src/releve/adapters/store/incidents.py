"""Incidents in SQL: what was seen of a host is sealed; an approval is used once over processes."""

import difflib
import uuid
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from releve.adapters.store import rows
from releve.adapters.store.database import Database
from releve.adapters.store.incident_rows import (
    approval_from,
    event_from,
    event_name,
    event_to_bytes,
    incident_from,
    incident_to_bytes,
    pause_from,
    values_of_approval,
    values_of_pause,
)
from releve.adapters.store.incident_schema import approvals, incident_events, incidents, pauses
from releve.adapters.store.key_ring import KeyRing
from releve.errors import PlanError
from releve.model.incident import Approval, Incident, IncidentEvent, IncidentState, Pause
from releve.ports.incident_store import IncidentStore

_INCIDENT: Final = "incident"
_EVENT: Final = "event of an incident"


class SqlIncidentStore(IncidentStore):
    def __init__(self, database: Database, key_ring: KeyRing) -> None:
        self._database = database
        self._key_ring = key_ring

    def save(self, incident: Incident, *events: IncidentEvent) -> None:
        name = incident.incident_id.encode()
        body = incident_to_bytes(incident)
        values = {
            "host": incident.host,
            "state": incident.state.value,
            "opened_at": rows.time_to_text(incident.opened_at),
            "sealed": self._key_ring.sealing.seal(body, place=_INCIDENT, name=name),
        }
        insert = self._database.insert(incidents).values(incident_id=incident.incident_id, **values)
        upsert = insert.on_conflict_do_update(index_elements=["incident_id"], set_=values)
        statements = [upsert, *map(self._insert_event, events)]
        self._database.transact(lambda connection: _execute(connection, statements))

    def record(self, *events: IncidentEvent) -> None:
        statements = [self._insert_event(event) for event in events]
        self._database.transact(lambda connection: _execute(connection, statements))

    def read(self, incident_id: str) -> Incident:
        found = self._database.read(
            sa.select(incidents).where(incidents.c.incident_id == incident_id)
        )
        if not found:
            raise self._no_such_incident(incident_id)
        return self._open_incident(found[0])

    def read_events(self, incident_id: str) -> tuple[IncidentEvent, ...]:
        query = (
            sa.select(incident_events)
            .where(incident_events.c.incident_id == incident_id)
            .order_by(incident_events.c.at, incident_events.c.number)
        )
        return tuple(self._open_event(row) for row in self._database.read(query))

    def list_incidents(
        self, *, host: str = "", only_open: bool = False, limit: int = 100
    ) -> tuple[Incident, ...]:
        newest = (incidents.c.opened_at.desc(), incidents.c.incident_id.desc())
        query = sa.select(incidents).order_by(*newest).limit(limit)
        if host:
            query = query.where(incidents.c.host == host)
        if only_open:
            over = [state.value for state in IncidentState if state.is_over]
            query = query.where(incidents.c.state.not_in(over))
        return tuple(self._open_incident(row) for row in self._database.read(query))

    def approve(self, approval: Approval) -> None:
        values = {**values_of_approval(approval), "key": uuid.uuid4().hex, "used_by": ""}
        insert = self._database.insert(approvals).values(**values)
        upsert = insert.on_conflict_do_update(
            index_elements=["incident_id"],
            set_=values,
            where=approvals.c.key != values["key"],  # not again, after a connection was lost
        )
        self._database.transact(lambda connection: connection.execute(upsert))

    def find_approval(self, incident_id: str) -> Approval | None:
        query = sa.select(approvals).where(
            approvals.c.incident_id == incident_id, approvals.c.used_by == ""
        )
        found = self._database.read(query)
        return approval_from(found[0]) if found else None

    def use_approval(self, approval: Approval) -> bool:
        mine = uuid.uuid4().hex  # tells, after a lost connection, whether it was this call
        given = values_of_approval(approval)
        same = [approvals.c[column] == value for column, value in given.items()]
        update = approvals.update().where(*same, approvals.c.used_by == "").values(used_by=mine)
        query = sa.select(sa.exists().where(*same, approvals.c.used_by == mine))

        def write(connection: sa.Connection) -> bool:
            connection.execute(update)
            return bool(connection.scalar(query))

        return self._database.transact(write)

    def pause(self, pause: Pause) -> None:
        values = values_of_pause(pause)
        insert = self._database.insert(pauses).values(**values)
        upsert = insert.on_conflict_do_update(index_elements=["host"], set_=values)
        self._database.transact(lambda connection: connection.execute(upsert))

    def end_pause(self, host: str) -> bool:
        delete = pauses.delete().where(pauses.c.host == host)
        return bool(self._database.transact(lambda connection: connection.execute(delete).rowcount))

    def list_pauses(self, *, now: datetime) -> tuple[Pause, ...]:
        holds = sa.or_(pauses.c.until.is_(None), pauses.c.until > rows.time_to_text(now))
        query = sa.select(pauses).where(holds).order_by(pauses.c.host)
        return tuple(pause_from(row) for row in self._database.read(query))

    def _insert_event(self, event: IncidentEvent) -> sa.Executable:
        name = self._key_ring.sealing.digest(_EVENT, *event_name(event))
        values = {
            "id": name,
            "incident_id": event.incident_id,
            "kind": event.kind.value,
            "at": rows.time_to_text(event.at),
            "sealed": self._key_ring.sealing.seal(event_to_bytes(event), place=_EVENT, name=name),
        }
        insert = self._database.insert(incident_events).values(**values)
        return insert.on_conflict_do_nothing(index_elements=["id"])

    def _open_incident(self, row: sa.RowMapping) -> Incident:
        name = row["incident_id"].encode()
        return incident_from(row, self._open(row["sealed"], _INCIDENT, name))

    def _open_event(self, row: sa.RowMapping) -> IncidentEvent:
        return event_from(row, self._open(row["sealed"], _EVENT, bytes(row["id"])))

    def _open(self, sealed: bytes, place: str, name: bytes) -> bytes:
        return self._key_ring.sealing.open(bytes(sealed), place=place, name=name)

    def _no_such_incident(self, incident_id: str) -> PlanError:
        query = sa.select(incidents.c.incident_id)
        known = [row["incident_id"] for row in self._database.read(query)]
        near = difflib.get_close_matches(incident_id[:100], known, n=3)
        return PlanError(
            f"there is no incident {rows.storable(incident_id[:100])!r}",
            why=f"near: {', '.join(near)}" if near else "",
            remedy="List the incidents with `releve incidents`",
        )


def _execute(connection: sa.Connection, statements: list[sa.Executable]) -> None:
    for statement in statements:
        connection.execute(statement)
