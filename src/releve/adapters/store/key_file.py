"""The key of observed states: a file beside no database, readable by its owner only."""

import os
import secrets
import stat
from pathlib import Path

from releve.adapters.store.sealing import KEY_BYTES
from releve.errors import JournalError

_MOST_BYTES = 1024


def read_key(path: Path) -> bytes | None:
    """None where there is no file; JournalError where it is not a key, or others can read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, str(error), "Make it readable for the user who runs Relève") from (
            error
        )
    if not stat.S_ISREG(mode):
        raise _unusable(path, "it is not a file", "Put the key file there")
    if mode & 0o077:
        raise _unusable(path, f"others can read it: {stat.S_IMODE(mode):04o}", f"chmod 600 {path}")
    return _parse(text, path)


def make_key(path: Path) -> bytes:
    """A new key, whole on the disk before it has its name; the other one where two make it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(draft, f"{secrets.token_hex(KEY_BYTES)}\n".encode())
        try:
            os.link(draft, path)  # as exclusive as O_EXCL, and never seen half written
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        _sync_directory(path.parent)
    except OSError as error:
        raise _unusable(path, str(error), "Make room or make its directory writable") from error
    key = read_key(path)
    if key is None:
        raise _unusable(path, "it was deleted as soon as it was made", "Run the command again")
    return key


def _parse(text: bytes, path: Path) -> bytes:
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise _unusable(path, "it does not hold 64 hexadecimal digits", "Put the key file back")
    return key


def _write(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(file, "wb") as opened:  # noqa: PTH123 - a descriptor, not a path
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _unusable(path: Path, why: str, remedy: str) -> JournalError:
    return JournalError(
        f"the key of observed states, {path}, cannot be used", why=why, remedy=remedy
    )
