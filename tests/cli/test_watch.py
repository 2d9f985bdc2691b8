"""What a person, a pipe and a program see of the watch, and how it ends."""

import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from releve.cli.main import main
from releve.cli.watch import choose_exit_code, choose_hosts
from releve.cli.watch_screen import Beside, LiveWatch, Screen, open_screen
from releve.errors import PlanError
from releve.model.incident import Incident, IncidentState
from releve.model.verdict import Cause, HostState, Verdict
from releve.plan.loading import load_plan
from releve.watch.viewing import SeenHost, describe_seen
from tests.cli.test_live import TerminalFile
from tests.cli.test_serving import write_plan
from tests.fakes.clock import FakeClock
from tests.report.payloads import PAYLOADS

SINCE = datetime(2026, 11, 26, 3, 15, tzinfo=UTC)
_State = HostState


def seen(host: str, state: HostState, reason: str = "as it is", *, sure: bool = True) -> SeenHost:
    cause = Cause.FILESYSTEM_ERROR if state is _State.CRASHED else Cause.NONE
    return SeenHost(host, Verdict(state, cause, reason, sure), SINCE, is_settled=True)


FLEET = (
    seen("wiki", _State.HEALTHY),
    seen("blog", _State.CRASHED, "root / cannot be written"),
    seen("shop", _State.DEGRADED, "nginx.service failed"),
)


def show(
    play: Callable[[Screen], None],
    *,
    beside: Beside | None = None,
    as_json: bool = False,
    once: bool = False,
) -> str:
    file = io.StringIO()
    play(open_screen(beside or Beside(), FakeClock(), as_json=as_json, once=once, file=file))
    return file.getvalue()


def tell_all(screen: Screen, hosts: Sequence[SeenHost] = FLEET) -> None:
    with screen.showing(lambda: hosts):
        for one in hosts:
            screen.tell("host", describe_seen(one))
        screen.tell("checks_not_made", {"address": "198.51.100.10", "why": "no file"})


def test_a_pipe_gets_a_line_for_each_event_with_the_next_command() -> None:
    lines = show(tell_all).splitlines()
    told = [line.partition("  ")[2] for line in lines]
    assert told == [
        "wiki is healthy: as it is",
        "blog is crashed: root / cannot be written. Next: releve recover blog",
        "shop is degraded: nginx.service failed",
        "checks not made: address 198.51.100.10, why no file",
    ]
    assert all(re.match(r"\d\d:\d\d:\d\dZ  ", line) for line in lines)


def test_a_suspicion_is_no_reason_to_recover() -> None:
    unsure = seen("blog", _State.CRASHED, "one witness", sure=False)
    told = show(lambda screen: tell_all(screen, [unsure]))
    assert "blog looks crashed: one witness" in told
    assert "recover" not in told


def test_where_serve_runs_nobody_is_sent_to_recover() -> None:
    known = Incident("i-1", "blog", IncidentState.CONFIRMED, FLEET[1].verdict, SINCE)
    beside = Beside(is_served=True, incidents={"blog": known})
    told = show(tell_all, beside=beside)
    assert "releve recover" not in told
    table = show(lambda screen: screen.conclude(FLEET), beside=beside, once=True)
    assert "i-1" in table
    assert "`releve serve` runs" in table
    beside.incidents = {"blog": replace(known, next_action="Wait for run r1")}
    table = show(lambda screen: screen.conclude(FLEET), beside=beside, once=True)
    assert table.splitlines()[-1].endswith("1 healthy. i-1: Wait for run r1")


def test_once_is_one_table_gravest_first_and_nothing_else() -> None:
    def play(screen: Screen) -> None:
        tell_all(screen)
        screen.conclude(FLEET)

    lines = show(play, once=True).splitlines()
    order = [word for line in lines for word in ("blog", "shop", "wiki") if line.startswith(word)]
    assert order == ["blog", "shop", "wiki"]
    assert lines[-1] == "1 crashed, 1 degraded, 1 healthy. Next: releve recover blog"


def test_json_has_one_object_for_each_event_and_once_one_for_all() -> None:
    objects = [json.loads(line) for line in show(tell_all, as_json=True).splitlines()]
    assert [one["event"] for one in objects] == ["host", "host", "host", "checks_not_made"]
    assert objects[1] | {"at": ""} == {
        "event": "host",
        "at": "",
        "host": "blog",
        "state": "crashed",
        "cause": "filesystem-error",
        "confirmed": True,
        "since": "2026-11-26T03:15:00+00:00",
        "reason": "root / cannot be written",
        "witnesses": {},
    }

    def play(screen: Screen) -> None:
        tell_all(screen)
        screen.conclude(FLEET)

    (all_of_them,) = map(json.loads, show(play, as_json=True, once=True).splitlines())
    assert [one["host"] for one in all_of_them["hosts"]] == ["wiki", "blog", "shop"]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> TerminalFile:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("LINES", "20")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return TerminalFile()


def open_live(terminal: TerminalFile) -> LiveWatch:
    screen = open_screen(Beside(), FakeClock(), as_json=False, once=False, file=terminal)
    assert isinstance(screen, LiveWatch)
    return screen


def test_a_terminal_shows_events_above_a_table_and_gets_its_cursor_back(
    terminal: TerminalFile,
) -> None:
    tell_all(open_live(terminal))
    told = terminal.getvalue()
    for text in ("blog is crashed", "what is seen", "This only looks", "Ctrl-C ends it"):
        assert text in told
    assert told.rindex("\x1b[?25h") > told.rindex("\x1b[?25l")


def test_a_fleet_that_does_not_fit_is_counted(terminal: TerminalFile) -> None:
    fleet = [seen(f"host-{number:03}", _State.HEALTHY) for number in range(300)]
    with open_live(terminal).showing(lambda: [*fleet, *FLEET]):
        pass
    told = terminal.getvalue()
    assert "and 291 more: 1 crashed, 1 degraded, 301 healthy" in told
    assert told.index("root / cannot be written") < told.index("host-000")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_a_host_says_acts(terminal: TerminalFile, payload: str) -> None:
    screen = open_live(terminal)
    hosts = [seen("blog", _State.CRASHED, payload)]
    tell_all(screen, hosts)
    screen.conclude(hosts)
    ours = re.compile(r"\x1b\[(\?25[lh]|[0-9;]*m|2K|1A|[0-9]*A)|\r|\n")
    rest = ours.sub("", terminal.getvalue())
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", rest)
    piped = show(lambda one: tell_all(one, hosts))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", piped)


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([_State.HEALTHY], 0),
        ([_State.HEALTHY, _State.DEGRADED], 3),
        ([_State.DEGRADED, _State.CRASHED], 4),
        ([_State.UNREACHABLE], 4),
        ([_State.HEALTHY, _State.UNKNOWN], 4),
    ],
)
def test_the_exit_code_is_of_the_gravest(states: list[HostState], code: int) -> None:
    assert choose_exit_code(states) == code


def test_hosts_are_chosen_by_name(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "repository", "blog", "shop")
    loaded = load_plan(plan)
    assert list(choose_hosts(loaded, []).plan.hosts) == ["blog", "shop"]
    assert list(choose_hosts(loaded, ["shop"]).plan.hosts) == ["shop"]
    with pytest.raises(PlanError, match="no host shp"):
        choose_hosts(loaded, ["shp"])


def test_a_host_that_is_not_watched_cannot_be_looked_at(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "repository", "blog", "shop")
    off = "    automation: propose\n    watch: {enabled: false}\n"
    text = plan.read_text()
    last = text.rindex("    automation: auto\n")
    plan.write_text(text[:last] + off + text[last:].partition("\n")[2])
    loaded = load_plan(plan)
    assert choose_hosts(loaded, [])
    with pytest.raises(PlanError, match="shop is not watched"):
        choose_hosts(loaded, ["shop"])


def test_a_provider_that_does_not_answer_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELEVE_STATE", str(tmp_path / "state"))
    plan = write_plan(tmp_path / "repository", "blog")
    assert main(["watch", "--once", "--plan", str(plan)]) == 1
    assert "Do this" in capsys.readouterr().err
