"""Who can write the run database must not be able to run code through it."""

import base64
import os
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from releve.errors import StepHalted
from releve.model.run import RunState
from tests.workflow.test_engine import Mended, Theatre
from tests.workflow.toy import count_effects


class Attack:
    def __init__(self, canary: Path) -> None:
        self._canary = canary

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self._canary}",)


@pytest.fixture
def halted(tmp_path: Path) -> Theatre:
    """A run that halted in its fifth step, so that dbos has rows that it will read again."""
    theatre = Theatre(tmp_path)
    theatre.put(Mended, "move")
    theatre.drive()
    (tmp_path / "mended").touch()
    return theatre


def write(theatre: Theatre, statement: str, value: str) -> None:
    with closing(sqlite3.connect(theatre.directory / "state" / "engine.db")) as connection:
        assert connection.execute(statement, (value,)).rowcount > 0
        connection.commit()


def pickled(attack: Attack) -> str:
    return base64.b64encode(pickle.dumps(attack)).decode()


PICKLED_OUTPUT = (
    "update operation_outputs set output = ?, serialization = 'py_pickle'"
    " where function_name = 'create'"
)
NOT_OURS = "is not what Relève wrote"


def test_a_pickled_output_is_refused(halted: Theatre) -> None:
    canary = halted.directory / "canary"
    write(halted, PICKLED_OUTPUT, pickled(Attack(canary)))
    record = halted.drive()
    assert record.state is RunState.NEEDS_PERSON
    assert NOT_OURS in record.next_action
    assert not canary.exists()
    assert "move" not in count_effects(halted.directory)


def test_a_pickled_output_is_refused_for_the_undo_too(halted: Theatre) -> None:
    canary = halted.directory / "canary"
    write(halted, PICKLED_OUTPUT, pickled(Attack(canary)))
    with pytest.raises(StepHalted, match=NOT_OURS):
        halted.engine().undo(halted.outside.journal.read_run("toyrun").input, ("alpha",))
    assert not canary.exists()


def test_a_pickled_input_is_refused(halted: Theatre) -> None:
    canary = halted.directory / "canary"
    write(halted, "update workflow_input set inputs = ?", pickled(Attack(canary)))
    write(halted, "update workflow_status set serialization = ?", "py_pickle")
    with pytest.raises(StepHalted, match=NOT_OURS):
        halted.drive()
    assert halted.outside.journal.read_run("toyrun").state is RunState.NEEDS_PERSON
    assert not canary.exists()


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("update operation_outputs set function_name = ? where function_name = 'fence'", "format"),
        ("update operation_outputs set output = ? where function_name = 'fence'", "{not json"),
        ("update operation_outputs set output = ? where function_name = 'fence'", '"text"'),
    ],
)
def test_a_step_that_was_changed_is_not_believed(
    halted: Theatre, statement: str, value: str
) -> None:
    write(halted, statement, value)
    record = halted.drive()
    assert record.state is RunState.NEEDS_PERSON
    assert NOT_OURS in record.next_action
    assert "move" not in count_effects(halted.directory)


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("update workflow_status set status = ?", "ERROR"),
        ("update workflow_input set inputs = replace(inputs, 'blog-1', ?)", "other-1"),
        ("update workflow_input set inputs = ?", "[]"),
    ],
)
def test_a_run_that_was_changed_is_not_carried_out(
    halted: Theatre, statement: str, value: str
) -> None:
    write(halted, statement, value)
    with pytest.raises(StepHalted, match=NOT_OURS):
        halted.drive()
    assert "move" not in count_effects(halted.directory)
