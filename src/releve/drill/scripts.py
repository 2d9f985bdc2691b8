"""The shell scripts that a drill feeds to its twins."""

from importlib import resources

from releve.errors import AccessError, Unreachable
from releve.model.server_text import show_server_text
from releve.ports.access import Access, Door

MOST_NOTES = 20


def run_script(access: Access, door: Door, name: str, *, seconds: float) -> tuple[str, ...]:
    """What it noted, and how it ended where that was not well; a script never ends a drill.

    Unreachable where nobody knows how far it came.
    """
    script = resources.files("releve.drill").joinpath(name).read_bytes()
    try:
        result = access.run_command(
            door, command=("sh", "-s", name), stdin=script, timeout_seconds=seconds
        )
    except Unreachable:
        raise
    except AccessError as error:
        return (f"{name}: {error}",)
    notes = [
        show_server_text(line.removeprefix(b"note "))
        for line in result.stdout.splitlines()
        if line.startswith(b"note ")
    ]
    if result.exit_code != 0:
        why = show_server_text(result.stderr.strip())
        notes.append(f"{name} ended with {result.exit_code}: {why}")
    return tuple(notes[:MOST_NOTES])
