"""Handlers that an interrupted play had lost run in the next one, and no others."""

import pytest

from releve.model.converge import TaskEvent, UnsettledTask, list_unsettled
from releve.ports.converger import ConvergeWatch
from tests.adapters.ansible.conftest import MakeTeam, Team


def converge_watched(team: Team, **changes: object) -> tuple[bool, list[TaskEvent]]:
    seen: list[TaskEvent] = []
    watch = ConvergeWatch(team.started.append, seen.append, lambda: False, seen.append)
    request = team.request("site.yml", **changes)
    result = team.converger.converge(request, watch=watch)
    return result.succeeded, seen


def read_handled(team: Team) -> list[str]:
    path = team.target / "handled"
    return path.read_text().split() if path.exists() else []


@pytest.mark.parametrize("accelerator", ["mitogen", "pipelining"])
def test_a_play_after_a_failed_one_runs_the_handlers_that_were_owed(
    make_team: MakeTeam, accelerator: str
) -> None:
    team = make_team("handlers", RELEVE_ACCELERATOR=accelerator)
    succeeded, seen = converge_watched(team)
    assert not succeeded
    assert read_handled(team) == []
    (team.target / "mended").touch()
    succeeded, _ = converge_watched(team, unsettled=list_unsettled(seen))
    assert succeeded
    assert read_handled(team) == ["reloaded", "limited"]
    succeeded, _ = converge_watched(team)
    assert succeeded
    assert read_handled(team) == ["reloaded", "limited"], "nothing is owed any more"


def test_without_being_told_ansible_loses_them(make_team: MakeTeam) -> None:
    """The reason for all this; should it ever change, the callback can go."""
    team = make_team("handlers")
    converge_watched(team)
    (team.target / "mended").touch()
    succeeded, _ = converge_watched(team)
    assert succeeded
    assert read_handled(team) == []


def event(task: str, status: str) -> TaskEvent:
    return TaskEvent(
        host="web1",
        play="play",
        task=task,
        role="",
        location=f"site.yml:{len(task)}",
        action="ansible.builtin.copy",
        status=status,
        started_at="",
        seconds=0.0,
    )


@pytest.mark.parametrize(
    ("statuses", "owed"),
    [
        (["started", "ok"], False),
        (["started", "skipped"], False),
        (["started", "ignored"], False),
        (["started", "changed"], True),
        (["started", "failed"], True),
        (["started"], True),
        (["started", "changed", "started"], True),
        (["started", "changed", "started", "ok"], False),
    ],
)
def test_what_is_owed(statuses: list[str], owed: bool) -> None:  # noqa: FBT001 - a parameter of the table
    events = [event("Write", status) for status in statuses]
    assert (list_unsettled(events) == (UnsettledTask("site.yml", "Write"),)) is owed
