"""What lies on the disk of incidents: nothing that a host said, and a broken seal is told."""

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from releve.adapters.store import open_incident_store, open_store
from releve.errors import JournalError
from releve.model.verdict import Testimony, Witness
from tests.store.test_incident_contract import VERDICT, approval, event, incident

SAID = "nobody shall read this word of a host in the database"


def test_what_a_host_said_lies_sealed(tmp_path: Path) -> None:
    store = open_incident_store(tmp_path)
    verdict = replace(VERDICT, reason=SAID, testimonies=(Testimony(Witness.KERNEL, SAID),))
    store.save(incident(verdict=verdict, next_action=SAID), event(text=SAID, data={"line": SAID}))
    assert store.read(incident().incident_id).verdict.reason == SAID
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("journal.db*"))
    assert b"releve_incident" in kept
    assert SAID.encode() not in kept


def test_a_changed_row_is_told_and_not_believed(tmp_path: Path) -> None:
    store = open_incident_store(tmp_path)
    store.save(incident(1), event(0))
    store.save(incident(2, verdict=replace(VERDICT, reason="another")))
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.execute(
            "update releve_incident set sealed ="
            " (select sealed from releve_incident where incident_id like '%12000_-blog'"
            "  order by incident_id desc limit 1)"
        )
    with pytest.raises(JournalError, match="was changed"):
        store.read(incident(1).incident_id)


def test_an_older_database_gets_the_tables(tmp_path: Path) -> None:
    open_store(tmp_path)
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        for table in ("incident", "incident_event", "approval", "pause"):
            connection.execute(f"drop table releve_{table}")
        connection.execute("update releve_schema set version = 2")
    store = open_incident_store(tmp_path)
    store.save(incident(), event(0))
    assert store.read(incident().incident_id) == incident()


USE = """
import sys
from pathlib import Path
from releve.adapters.store import open_incident_store
from tests.store.test_incident_contract import approval
store = open_incident_store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(store.use_approval(approval()), flush=True)
"""


def test_of_several_processes_exactly_one_uses_an_approval(tmp_path: Path) -> None:
    open_incident_store(tmp_path).approve(approval())
    children = [
        subprocess.Popen(
            [sys.executable, "-c", USE, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for _ in range(4)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    answers = [child.communicate("go\n", timeout=60)[0] for child in children]
    assert sorted(answers) == ["False\n"] * 3 + ["True\n"]
