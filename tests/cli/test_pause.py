"""releve pause and unpause: one host or all, until when, and what is refused."""

import getpass
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releve.cli.main import main
from releve.errors import PlanError
from releve.ports.incident_store import IncidentStore
from releve.watch.pausing import read_until
from tests.cli.incident_world import HOST, enter_repository, open_incidents

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
Read = pytest.CaptureFixture[str]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IncidentStore:
    enter_repository(tmp_path, monkeypatch)
    return open_incidents(tmp_path)


def now() -> datetime:
    return datetime.now(UTC)


def test_a_host_is_paused_and_goes_on(store: IncidentStore, capsys: Read) -> None:
    assert main(["pause", HOST, "--until", "2h", "--reason", "new kernel"]) == 0
    assert "until" in capsys.readouterr().out
    (pause,) = store.list_pauses(now=now())
    assert (pause.host, pause.by, pause.reason) == (HOST, getpass.getuser(), "new kernel")
    assert pause.until is not None
    assert pause.until - pause.at == timedelta(hours=2)
    assert main(["unpause", HOST]) == 0
    assert store.list_pauses(now=now()) == ()


def test_every_host_is_paused_until_a_person_ends_it(store: IncidentStore, capsys: Read) -> None:
    assert main(["pause", "--all", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["host"], told["until"]) == ("", None)
    assert [pause.host for pause in store.list_pauses(now=now() + timedelta(days=999))] == [""]
    assert main(["unpause", "--all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["paused"] == []


def test_what_still_holds_is_told(store: IncidentStore, capsys: Read) -> None:
    del store
    assert main(["pause", "--all"]) == 0
    assert main(["pause", HOST]) == 0
    assert main(["unpause", HOST]) == 0
    assert "still: every host is paused" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["pause"], "no host is named"),
        (["pause", HOST, "--all"], "both named"),
        (["pause", "web.example.com"], f"write {HOST}"),
        (["pause", HOST, "--until", "soon"], "is no time"),
        (["pause", HOST, "--until", "2026-02-30"], "is no time"),
        (["pause", HOST, "--until", "2020-01-01"], "is over"),
        (["pause", HOST, "--until", "0s"], "is over"),
        (["pause", HOST, "--until", "9999-12-31"], "is no time"),
        (["pause", HOST, "--until", "9999-12-31T23:59-10:00"], "is no time"),
        (["pause", HOST, "--reason", "x" * 501], "too long"),
        (["unpause"], "no host is named"),
        (["unpause", HOST], "is not paused"),
        (["unpause", "--all"], "not every host is paused"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_what_is_refused_changes_nothing(
    store: IncidentStore, capsys: Read, arguments: list[str], says: str
) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "Do this: " in told
    assert store.list_pauses(now=now()) == ()


def test_unpause_names_what_is_paused(store: IncidentStore, capsys: Read) -> None:
    del store
    assert main(["pause", HOST]) == 0
    capsys.readouterr()
    assert main(["unpause", "web.example.com"]) == 2
    assert f"write {HOST}" in capsys.readouterr().err


def test_a_reason_does_not_act(store: IncidentStore, capsys: Read) -> None:
    del store
    assert main(["pause", HOST, "--reason", "\x1b[2J\nHost: all"]) == 0
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", None),
        ("90s", NOON + timedelta(seconds=90)),
        ("2026-11-26", datetime(2026, 11, 27, tzinfo=UTC)),
        ("2026-12-01T08:00", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-12-01T08:00+02:00", datetime(2026, 12, 1, 6, tzinfo=UTC)),
    ],
)
def test_until_is_a_day_a_moment_or_a_time(text: str, wanted: datetime | None) -> None:
    assert read_until(text, now=NOON) == wanted


def test_yesterday_is_over() -> None:
    with pytest.raises(PlanError, match="is over"):
        read_until("2026-11-25", now=NOON)
