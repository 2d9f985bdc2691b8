"""The entry: quick to start, and every error ends as what, why and what to do."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from releve import __version__
from releve.cli.main import app, main
from tests.plan.broken_plans import GOOD

HEAVY = {
    "ansible", "ansible_runner", "asyncio", "asyncssh", "cryptography", "dbos", "httpx", "jinja2",
    "pylxd", "pytest", "rich", "ruamel", "sqlalchemy", "yaml",
}  # fmt: skip
COMMANDS = [
    "autopsy",
    "salvage",
    "check",
    "recover",
    "resume",
    "cancel",
    "findings",
    "accept",
    "codify",
    "schema",
    "runs",
    "lab",
    "ledger",
    "scan",
    "drill",
    "serve",
    "incidents",
    "approve",
    "pause",
    "unpause",
    "watch",
]


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["recover", "--help"]])
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    """What `releve --help` costs is its imports; a time would measure the machine instead."""
    program = (
        "import sys; from releve.cli.main import main; code = main(sys.argv[1:]);"
        "print('loaded:', *sorted({name.split('.')[0] for name in sys.modules})); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.rpartition("loaded:")[2].split())
    assert "typer" in loaded, "the list must be that of the program"
    assert loaded.isdisjoint(HEAVY)
    if len(arguments) == 1:  # typer itself asks pydantic about the parameters of a command
        assert "pydantic" not in loaded


def test_each_command_is_there_and_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    commands = typer.main.get_group(app).commands
    assert sorted(commands) == sorted(COMMANDS)
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    for name, command in commands.items():
        assert command.help
        assert f"  {name} " in told


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Commands:" in capsys.readouterr().out
    assert main(["lab"]) == 2
    assert "Commands:" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"releve {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "what", "remedy"),
    [
        (["chekc"], "there is no command chekc", "write check"),
        (["x" * 5000], "there is no command 'xxx", "see `releve --help`"),
        (["check", "--jsn"], "no such option: --jsn", "see `releve COMMAND --help`"),
        (["recover"], "missing argument 'host'", "see `releve COMMAND --help`"),
        (["check", "--plan", "gone.yml"], "gone.yml:1: the plan cannot be read", "--plan"),
    ],
)
def test_wrong_command_line(
    arguments: list[str], what: str, remedy: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    told = capfd.readouterr()
    head, why, advice = told.err.splitlines()
    assert head.startswith(what)
    assert len(why.strip()) > 5
    assert remedy in advice.removeprefix("  Do this: ")
    assert told.out == ""


def test_hostile_argument_reaches_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--plan", "\x1b]0;owned\x07[/red]\x9b2J"]) == 2
    told = capfd.readouterr().err
    assert r"\x1b]0;owned\x07[/red]\x9b2J:1: the plan cannot be read" in told
    assert "\x1b" not in told


def test_error_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--plan", "gone.yml", "--json"]) == 2
    told = capfd.readouterr()
    assert told.err == ""
    error = json.loads(told.out)["error"]
    assert error == {
        "kind": "PlanError",
        "what": "the plan cannot be read",
        "why": "no such file",
        "remedy": "give the path of a releve.yml with --plan",
        "location": "gone.yml:1",
        "also": [],
    }


def test_defect_shows_one_line_and_how_to_see_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A directory that ends while the command runs is nothing that Relève foresees."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.delenv("RELEVE_DEBUG", raising=False)
    assert main(["check"]) == 70
    told = capfd.readouterr().err
    assert told.startswith("Relève stopped on an error of its own: FileNotFoundError\n")
    assert "RELEVE_DEBUG=1" in told
    assert "Traceback" not in told
    monkeypatch.setenv("RELEVE_DEBUG", "1")
    with pytest.raises(FileNotFoundError):
        main(["check"])
    monkeypatch.chdir(tmp_path)


def test_recovery_that_is_not_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELEVE_STATE", str(tmp_path))
    monkeypatch.delenv("RELEVE_DEBUG", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert main(["recover", "web.example.org", "--plan", str(GOOD / "releve.yml")]) == 1
    assert "not confirmed\n  nothing was touched\n  Do this: " in capfd.readouterr().err


def test_many_mistakes_do_not_flood_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = "".join(f"key{number}: 1\n" for number in range(30))
    (tmp_path / "releve.yml").write_text(f"version: 1\n{lines}")
    assert main(["check", "--plan", str(tmp_path / "releve.yml")]) == 2
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 13
    assert told[-1] == "and 22 more problems; --json tells them all"
