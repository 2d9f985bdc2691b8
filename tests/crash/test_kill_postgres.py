"""The toy list on PostgreSQL: the same engine, journal and leases, in a server."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from releve.workflow.engine import Engine, EngineSettings
from releve.workflow.hooks import Strike
from releve.workflow.patience import Patience
from tests.crash.harness import Kill, survive
from tests.postgres import PostgresServer
from tests.workflow.toy import LIST, count_effects, toy_catalogue, toy_outside, toy_run


@dataclass(frozen=True)
class DriveOnPostgres:
    url: str

    def __call__(self, directory: Path, strike: Strike) -> str:
        outside = toy_outside(directory, database_url=self.url)
        settings = EngineSettings(
            directory / "state", database_url=self.url, strike=strike, patience=Patience()
        )
        return Engine(outside, toy_catalogue(directory), settings).drive(toy_run()).state


@pytest.mark.real
@pytest.mark.parametrize("number", range(1, 25, 2))
def test_killed_nothing_is_done_twice(
    postgres: PostgresServer, run_directory: Path, number: int
) -> None:
    scenario = DriveOnPostgres(postgres.new_database())
    lives = survive(scenario, run_directory, kills=[Kill(number=number)])
    assert lives[0].killed
    assert lives[-1].ending == "DONE"
    assert count_effects(run_directory) == dict.fromkeys(sorted(LIST), 1)
