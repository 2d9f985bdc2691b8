"""A team's repository and a store with incidents, for the commands around them."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from releve.adapters.store import open_incident_store
from releve.model.incident import Incident, IncidentState
from releve.ports.incident_store import IncidentStore
from tests.plan.broken_plans import GOOD
from tests.watch.sample_incident import make_incident

HOST = "web.example.org"


def enter_repository(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The plan's path; no drill's image is asked for, so the provider is never needed."""
    repository = directory / "repository"
    shutil.copytree(GOOD, repository)
    plan = repository / "releve.yml"
    plan.write_text(plan.read_text() + "    drill:\n      image: never\n")
    monkeypatch.chdir(repository)
    monkeypatch.setenv("RELEVE_STATE", str(directory / "state"))
    for name in ("RELEVE_DATABASE_URL", "RELEVE_KEY_FILE", "RELEVE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return plan


def open_incidents(directory: Path) -> IncidentStore:
    return open_incident_store(directory / "state")


def incident_of_today(number: int = 1, **changes: Any) -> Incident:
    opened = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5 * number)
    plain = make_incident(
        IncidentState.CONFIRMED,
        incident_id=f"i-2026112{number}-031500-{HOST}",
        host=HOST,
        opened_at=opened,
        confirmed_at=opened + timedelta(seconds=3),
        next_action=f"Look at {HOST}; recover it with `releve recover {HOST}`",
    )
    return replace(plain, **changes)
