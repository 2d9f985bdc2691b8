"""What only PostgreSQL brings: a server that restarts under a run, and a take-over elsewhere."""

import threading
from pathlib import Path

import pytest

from releve.model.run import RunState
from releve.workflow.step import Sight, StepContext
from tests.postgres import PostgresServer
from tests.workflow.test_engine import ONE_EACH, Theatre, in_a_child
from tests.workflow.toy import ToyStep, count_effects

pytestmark = pytest.mark.real


def test_a_server_that_restarts_under_a_run_is_waited_for(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    back: list[threading.Thread] = []

    class CutsThePower(ToyStep):
        def act(self, context: StepContext) -> Sight:
            sight = super().act(context)
            back.append(postgres.restart_slowly(1.5))
            return sight

    theatre = Theatre(tmp_path, database_url=postgres.new_database())
    theatre.put(CutsThePower, "create")
    try:
        assert theatre.drive().state is RunState.DONE
    finally:
        back[0].join()
    assert count_effects(tmp_path) == ONE_EACH
    assert sorted(theatre.done()) == sorted(ONE_EACH)


def test_another_controller_takes_over_without_the_first_ones_disk(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """All that it needs is the database; the effects are what both see outside."""
    url = postgres.new_database()
    kill = in_a_child(Theatre(tmp_path, database_url=url))
    kill()
    state = tmp_path / "state"
    if state.exists():
        state.rename(tmp_path / "the first one's disk")
    theatre = Theatre(tmp_path, database_url=url)
    run = theatre.outside.journal.list_runs()[0].input
    assert theatre.drive(run).state is RunState.DONE
    assert count_effects(tmp_path) == ONE_EACH
