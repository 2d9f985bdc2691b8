"""The command line: one file per command; every error ends as what, why and what to do."""

import atexit
import gc
import os
import re
import sys
from collections.abc import Sequence

import typer

from releve import __version__
from releve.cli import (
    approve,
    autopsy,
    check,
    codify,
    drill,
    findings,
    incidents,
    ledger,
    pause,
    recover,
    runs,
    salvage,
    scan,
    schema,
    serve,
    watch,
)
from releve.cli.lab import lab_app
from releve.errors import PlanError, ReleveError

app = typer.Typer(
    name="releve",
    help="Bring a crashed host back from its owners' own playbooks.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
WATCHING = (incidents, approve, pause)
COMMANDS = (
    recover,
    drill,
    watch,
    serve,
    *WATCHING,
    runs,
    autopsy,
    salvage,
    scan,
    ledger,
    findings,
    codify,
)
atexit.register(gc.freeze)  # the process ends: collecting all that it loaded takes half a second
for command in (check, *COMMANDS, schema):
    command.register(app)
app.add_typer(lab_app, name="lab")


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    *,
    version: bool = typer.Option(False, "--version", help="show the version and exit"),  # noqa: FBT003 - typer's way to name a default
) -> None:
    if version:
        typer.echo(f"releve {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns its exit code. RELEVE_DEBUG=1 lets tracebacks through."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        return int(app(given, prog_name="releve", standalone_mode=False) or 0)
    except ReleveError as error:
        return _show(error, as_json=as_json)
    except typer.exceptions.TyperException as error:
        return _show_usage(error, as_json=as_json)
    except typer.Abort:
        return _show(_explain_abort(), as_json=as_json)
    except Exception as error:  # noqa: BLE001 - the last resort: a user never sees a traceback
        return _show_defect(error, as_json=as_json)


def _show_usage(error: typer.exceptions.TyperException, *, as_json: bool) -> int:
    said = error.format_message().strip().rstrip(".")
    if said.lower().startswith("usage:"):  # a group that was given no command shows its help
        typer.echo(error.format_message())
        return 2
    unknown = re.match(r"No such command '(.*?)'", said)
    if unknown:
        return _show(_explain_unknown_command(unknown[1]), as_json=as_json)
    explained = PlanError(
        said[:1].lower() + said[1:],
        why="the command line is not one that releve knows",
        remedy="see `releve COMMAND --help`",
    )
    return _show(explained, as_json=as_json)


def _explain_unknown_command(word: str) -> PlanError:
    from releve.plan.problems import show_word, suggest

    names = list(typer.main.get_group(app).commands)
    return PlanError(
        f"there is no command {show_word(word)}",
        why=f"the commands are {', '.join(names)}",
        remedy=suggest(word, names, otherwise="see `releve --help`"),
    )


def _explain_abort() -> ReleveError:
    return ReleveError(
        "not confirmed",
        why="nothing was touched",
        remedy="run the command again and answer y, or add --yes",
    )


def _show(error: ReleveError, *, as_json: bool) -> int:
    from releve.cli.failure import show_failure

    if os.environ.get("RELEVE_DEBUG") == "1":
        raise error
    return show_failure(error, as_json=as_json)


def _show_defect(error: Exception, *, as_json: bool) -> int:
    from releve.cli.failure import show_defect

    if os.environ.get("RELEVE_DEBUG") == "1":
        raise error
    return show_defect(error, as_json=as_json)
