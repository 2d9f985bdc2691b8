"""The one SQLite file of a fake cloud, shared by a controller that is killed and its parent.

State and history change in one transaction: a SIGKILL finds both or neither.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.cloud_state import CloudState, load_state

_SCHEMA = """
create table if not exists state (one integer primary key check (one = 1), document text);
create table if not exists history (
    seq integer primary key autoincrement, at real, actor text, run text, epoch integer,
    kind text, call text, arguments text, outcome text, result text, state text);
create table if not exists fault (
    id integer primary key autoincrement, call text, document text, seen integer default 0,
    fired integer default 0);
create table if not exists violation (seq integer, invariant text, text text);
"""


@dataclass(frozen=True)
class Actor:
    """Who does it: the controller under test, a person at the cloud's own console, the cloud."""

    name: str = "controller"
    run: str = ""
    epoch: int = 0


@dataclass(frozen=True)
class HistoryRow:
    seq: int
    at: float
    actor: Actor
    kind: str  # act, read, transition, guest, converge, check
    call: str
    arguments: Mapping[str, Any]
    outcome: str  # done, maybe (done, but the reply was lost), refused, failed
    result: Mapping[str, Any]

    @property
    def took_effect(self) -> bool:
        return self.outcome in {"done", "maybe"}


class CloudFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._peeked = ("", CloudState())
        self._history: list[HistoryRow] = []  # what was read of it; it only grows

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, one at a time over all threads and processes."""
        with self._lock:
            connection = self._open()
            if connection.in_transaction:
                yield connection
                return
            connection.execute("begin immediate")
            try:
                yield connection
            except BaseException:
                connection.execute("rollback")
                self._history = []
                raise
            connection.execute("commit")

    def load(self) -> CloudState:
        with self.transaction() as connection:
            row = connection.execute("select document from state").fetchone()
        return load_state(row[0]) if row else CloudState()

    def peek(self) -> CloudState:
        """The state as it is, shared by all who peek: not to be changed."""
        with self.transaction() as connection:
            (text,) = connection.execute("select document from state").fetchone()
            if text != self._peeked[0]:
                self._peeked = (text, load_state(text))
            return self._peeked[1]

    def save(self, state: CloudState) -> None:
        with self.transaction() as connection:
            connection.execute("insert or replace into state values (1, ?)", (state.to_json(),))

    def append(self, row: HistoryRow, *, state: CloudState | None) -> int:
        """The state is given where the row changed it; returns the row's number."""
        with self.transaction() as connection:
            cursor = connection.execute(
                "insert into history (at, actor, run, epoch, kind, call, arguments, outcome,"
                " result, state) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    row.at,
                    row.actor.name,
                    row.actor.run,
                    row.actor.epoch,
                    row.kind,
                    row.call,
                    json.dumps(row.arguments),
                    row.outcome,
                    json.dumps(row.result),
                    state.to_json() if state else None,
                ),
            )
        return int(cursor.lastrowid or 0)

    def read_history(self) -> list[HistoryRow]:
        with self.transaction() as connection:
            last = self._history[-1].seq if self._history else 0
            rows = connection.execute(
                "select seq, at, actor, run, epoch, kind, call, arguments, outcome, result"
                " from history where seq > ? order by seq",
                (last,),
            ).fetchall()
            self._history += [_history_row(row) for row in rows]
            return list(self._history)

    def read_states(self) -> dict[int, CloudState]:
        """The state after each row that changed it."""
        with self.transaction() as connection:
            rows = connection.execute(
                "select seq, state from history where state is not null order by seq"
            ).fetchall()
        return {seq: load_state(text) for seq, text in rows}

    def record_violation(self, seq: int, invariant: str, text: str) -> None:
        with self.transaction() as connection:
            connection.execute("insert into violation values (?, ?, ?)", (seq, invariant, text))

    def read_violations(self) -> list[tuple[int, str, str]]:
        with self.transaction() as connection:
            return connection.execute("select seq, invariant, text from violation").fetchall()

    def close(self) -> None:
        with self._lock:
            if self._connection and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        """One connection per process: one that came through a fork must not be used."""
        if self._connection is None or self._process != os.getpid():
            self._connection = sqlite3.connect(
                self.path, timeout=30, isolation_level=None, check_same_thread=False
            )
            self._process = os.getpid()
            # a SIGKILL loses nothing without fsync; only a power cut would
            self._connection.executescript(
                f"pragma journal_mode=wal; pragma synchronous=off; {_SCHEMA}"
            )
        return self._connection


def _history_row(row: tuple[Any, ...]) -> HistoryRow:
    seq, at, actor, run, epoch, kind, call, arguments, outcome, result = row
    return HistoryRow(
        seq=seq,
        at=at,
        actor=Actor(actor, run, epoch),
        kind=kind,
        call=call,
        arguments=json.loads(arguments),
        outcome=outcome,
        result=json.loads(result),
    )
