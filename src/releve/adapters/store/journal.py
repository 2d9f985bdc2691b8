"""The journal in SQL: one row per run for its state, and events that are only ever appended."""

import difflib
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from releve.adapters.store import rows
from releve.adapters.store.database import Database
from releve.adapters.store.schema import events, runs, tasks
from releve.errors import PlanError
from releve.model.converge import TaskEvent
from releve.model.run import EventKind, JournalEvent, RunInput, RunRecord, RunState
from releve.ports.journal import Journal

_MOST_PAST_RUNS = 50
_MOST_PAST_SECONDS = 10


class SqlJournal(Journal):
    def __init__(self, database: Database) -> None:
        self._database = database

    def open_run(self, run: RunInput) -> None:
        values = rows.values_of_run(run)
        insert = self._database.insert(runs).values(**values).on_conflict_do_nothing()
        query = sa.select(runs.c.input).where(runs.c.run_id == run.run_id)

        def write(connection: sa.Connection) -> str | None:
            connection.execute(insert)
            return connection.scalar(query)

        recorded = self._database.transact(write)
        if recorded is None:
            raise _epoch_taken(run)
        if recorded != values["input"]:
            raise _other_input(run)

    def next_epoch(self, host: str) -> int:
        query = sa.select(sa.func.max(runs.c.epoch)).where(runs.c.host == host)
        return 1 + int(self._database.transact(lambda connection: connection.scalar(query)) or 0)

    def append(self, event: JournalEvent) -> None:
        statement = self._insert_once(events, rows.values_of_event(event))
        self._database.transact(lambda connection: connection.execute(statement))

    def set_state(self, run_id: str, state: RunState, *, next_action: str) -> None:
        next_action = rows.storable(next_action)
        now = datetime.now(UTC)
        ended_at = rows.time_to_text(now) if state.is_over else None
        self._change(
            JournalEvent(
                run_id,
                step="",
                kind=EventKind.STATE,
                at=now,
                text=next_action,
                data={"state": state.value},
            ),
            {"state": state.value, "next_action": next_action, "ended_at": ended_at},
        )

    def request_cancel(self, run_id: str) -> None:
        self._change(
            JournalEvent(
                run_id,
                step="",
                kind=EventKind.NOTE,
                at=datetime.now(UTC),
                text="a person asked to cancel the run",
            ),
            {"cancel_requested": True},
        )

    def append_task(self, run_id: str, step: str, event: TaskEvent) -> None:
        values = {"run_id": run_id, "step": step, "data": rows.task_to_json(event)}
        statement = self._insert_once(tasks, values)
        self._database.transact(lambda connection: connection.execute(statement))

    def read_run(self, run_id: str) -> RunRecord:
        query = sa.select(runs).where(runs.c.run_id == run_id)
        row = self._database.transact(
            lambda connection: connection.execute(query).mappings().first()
        )
        if row is None:
            raise self._no_such_run(run_id)
        return rows.run_from_row(row)

    def list_runs(self, *, host: str = "", limit: int = 100) -> tuple[RunRecord, ...]:
        query = sa.select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id).limit(limit)
        if host:
            query = query.where(runs.c.host == host)
        return tuple(rows.run_from_row(row) for row in self._database.read(query))

    def read_events(self, run_id: str) -> tuple[JournalEvent, ...]:
        query = sa.select(events).where(events.c.run_id == run_id).order_by(events.c.id)
        return tuple(rows.event_from_row(row) for row in self._database.read(query))

    def read_tasks(self, run_id: str) -> tuple[TaskEvent, ...]:
        query = sa.select(tasks.c.data).where(tasks.c.run_id == run_id).order_by(tasks.c.id)
        return tuple(rows.task_from_json(row["data"]) for row in self._database.read(query))

    def past_seconds(self, host: str) -> dict[str, tuple[float, ...]]:
        finished = (
            sa.select(runs.c.run_id, runs.c.started_at)
            .where(runs.c.host == host, runs.c.state == RunState.DONE.value)
            .order_by(runs.c.started_at.desc())
            .limit(_MOST_PAST_RUNS)
            .subquery()
        )
        query = (
            sa.select(events)
            .join(finished, events.c.run_id == finished.c.run_id)
            .where(events.c.kind == EventKind.DONE.value)
            .order_by(finished.c.started_at.desc(), events.c.id.desc())
        )
        found: dict[str, dict[str, float]] = defaultdict(dict)
        for row in self._database.read(query):
            seconds = rows.event_from_row(row).data.get("seconds")
            if isinstance(seconds, int | float):
                found[row["step"]].setdefault(row["run_id"], float(seconds))
        return {step: tuple(by_run.values())[:_MOST_PAST_SECONDS] for step, by_run in found.items()}

    def _change(self, event: JournalEvent, values: dict[str, Any]) -> None:
        """A run's row and the event that tells of it, together or not at all."""
        update = runs.update().where(runs.c.run_id == event.run_id).values(**values)
        insert = self._insert_once(events, rows.values_of_event(event))

        def write(connection: sa.Connection) -> int:
            changed = connection.execute(update).rowcount
            if changed:
                connection.execute(insert)
            return changed

        if not self._database.transact(write):
            raise self._no_such_run(event.run_id)

    def _insert_once(self, table: sa.Table, values: dict[str, Any]) -> sa.Executable:
        """Writing it again, after a connection was lost at commit, adds nothing."""
        statement = self._database.insert(table).values(key=uuid.uuid4().hex, **values)
        return statement.on_conflict_do_nothing(index_elements=["key"])

    def _no_such_run(self, run_id: str) -> PlanError:
        known = [row["run_id"] for row in self._database.read(sa.select(runs.c.run_id))]
        near = difflib.get_close_matches(run_id, known, n=3)
        return PlanError(
            f"there is no run {rows.storable(run_id[:100])!r}",
            why=f"near: {', '.join(near)}" if near else "",
            remedy="List the runs with `releve runs`",
        )


def _epoch_taken(run: RunInput) -> PlanError:
    return PlanError(
        f"another run of {run.host} began since this one was proposed",
        why=f"it has epoch {run.epoch} too",
        remedy="See `releve runs`, and propose again",
    )


def _other_input(run: RunInput) -> PlanError:
    return PlanError(
        f"run {run.run_id} is recorded with another input",
        why="a run's plan, host and steps are frozen when it is proposed",
        remedy="Begin a new run",
    )
