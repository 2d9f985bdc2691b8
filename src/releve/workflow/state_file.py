"""Where this controller keeps its state, and a SQLite file in it: its owner's only, in WAL mode."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from releve.errors import JournalError


def find_state_directory() -> Path:
    """RELEVE_STATE, or where the platform keeps a user's state; absolute."""
    given = os.environ.get("RELEVE_STATE")
    if given:
        return Path(given).absolute()
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "releve"


def prepare_state_file(path: Path) -> None:
    """Make the directory 0700 and the file 0600 before anything is in them; JournalError if not.

    SQLite gives its -wal and -shm files the mode of the file itself.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create_private(path)
        with closing(sqlite3.connect(path, timeout=120)) as connection:
            connection.execute("pragma journal_mode=wal")
    except (OSError, sqlite3.Error) as error:
        raise JournalError(
            f"the state of runs cannot be written to {path}",
            why=str(error),
            remedy="Make room or make it writable, then resume the run",
        ) from error


def _create_private(path: Path) -> None:
    """Never opens a file that is there: closing it would drop SQLite's locks on it."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise
