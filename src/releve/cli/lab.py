"""releve lab: a practice range on this machine, to be broken and recovered at will."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

lab_app = typer.Typer(
    name="lab",
    help="A practice range on this machine: real hosts, volumes and addresses, to break at will.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    app.add_typer(lab_app)


class RootChoice(StrEnum):
    EXT4 = "ext4"
    XFS = "xfs"


class BreakChoice(StrEnum):
    EXT4_ERROR = "ext4-error"
    POWER_OFF = "power-off"
    DISK_FULL = "disk-full"
    XFS_SHUTDOWN = "xfs-shutdown"
    NETWORK = "network"


Name = Annotated[str, typer.Option("--name", help="Several labs live side by side by name.")]
Directory = Annotated[
    Path | None, typer.Option("--directory", help="Where it keeps its disks.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@lab_app.command("up")
def bring_up(
    *,
    name: Name = "lab",
    directory: Directory = None,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", help="Repeat for several; a new lab has one, blog."),
    ] = None,
    root: Annotated[
        RootChoice | None, typer.Option(help="File system of the roots; ext4 in a new lab.")
    ] = None,
    fresh_image: Annotated[bool, typer.Option("--fresh-image", help="Build it anew.")] = False,
) -> None:
    """Make the lab, or bring it back; a second time changes nothing."""
    from releve.lab import settings, up

    chosen = settings.LabSettings(
        name=name,
        directory=directory or Path(),
        hosts=tuple(host or ()),
        root_filesystem=settings.RootFilesystem(root.value) if root else None,
        fresh_image=fresh_image,
    )
    report = up.bring_up(chosen, say=typer.echo)
    for one in report.hosts:
        typer.echo(
            f"ssh -i {report.ssh_key} -o UserKnownHostsFile={report.known_hosts} root@{one.address}"
        )


@lab_app.command("status")
def show_status(
    *, name: Name = "lab", directory: Directory = None, as_json: AsJson = False
) -> None:
    """What the lab is made of now: all that a releve.yml has to name."""
    from releve.lab import settings, status

    chosen = settings.LabSettings(name=name, directory=directory or Path())
    report = status.read_status(chosen)
    if as_json:
        typer.echo(json.dumps(report.as_mapping(), indent=2))
        return
    for line in status.describe(report):
        typer.echo(line)


@lab_app.command("break")
def break_host(
    host: Annotated[str, typer.Argument(help="Host, or instance, to break.")],
    *,
    how: Annotated[BreakChoice, typer.Option("--how", help="The accident.")],
    name: Name = "lab",
    directory: Directory = None,
) -> None:
    """Have a real accident on a host, and say what can be seen of it."""
    from releve.lab import breakage, settings

    chosen = settings.LabSettings(name=name, directory=directory or Path())
    breakage.break_host(chosen, host, how=breakage.BreakHow(how.value), say=typer.echo)


@lab_app.command("down")
def take_down(*, name: Name = "lab", directory: Directory = None) -> None:
    """Take all of it away, running or not; the base image stays in the cache."""
    from releve.lab import down, settings

    chosen = settings.LabSettings(name=name, directory=directory or Path())
    down.take_down(chosen, say=typer.echo)
