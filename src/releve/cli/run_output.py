"""What a run's own process writes: kept in a file that outlives this process, told as events."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from releve.cli.terminal import clean

MOST_TOLD: Final = 2000  # lines of one process; the rest is in its file
LONGEST_LINE: Final = 4000  # characters
MOST_KEPT: Final = 50  # files
POLL_SECONDS: Final = 0.25
_CHUNK_BYTES: Final = 64 << 10
_ALWAYS_TOLD: Final = frozenset({"step_ended", "run_ended", "run_interrupted"})

Say = Callable[[str, dict[str, Any]], None]


def open_output(path: Path) -> int:
    """For appending, readable for its owner alone; OSError where there is no room."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _drop_oldest(path.parent)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _drop_oldest(directory: Path) -> None:
    files = sorted(directory.glob("*.jsonl"), key=lambda file: file.stat().st_mtime)
    for file in files[: -MOST_KEPT + 1]:
        with suppress(FileNotFoundError):
            file.unlink()


class Follower:
    """Tells of each new line of a file until its writer has ended."""

    def __init__(self, path: Path, *, has_ended: Callable[[], bool], say: Say) -> None:
        self._path = path
        self._has_ended = has_ended
        self._say = say
        self._told = 0
        self._left_out = 0
        self._from = path.stat().st_size

    def begin(self) -> threading.Thread:
        thread = threading.Thread(
            target=self._follow, name=f"output {self._path.name}", daemon=True
        )
        thread.start()
        return thread

    def _follow(self) -> None:
        for line in self._read_lines():
            self._tell(line.decode("utf-8", "replace"))
        if self._left_out:
            fields = {"lines": self._left_out, "file": str(self._path)}
            self._say("output_left_out", fields)

    def _read_lines(self) -> Iterator[bytes]:
        rest = b""
        with self._path.open("rb", buffering=0) as file:
            file.seek(self._from)
            while True:
                is_last = self._has_ended()  # asked first: what it wrote before is then all there
                piece = file.read(_CHUNK_BYTES)
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
                rest = rest[-_CHUNK_BYTES:]
                if piece:
                    continue
                if is_last:
                    break
                time.sleep(POLL_SECONDS)
        if rest:
            yield rest

    def _tell(self, line: str) -> None:
        event, fields = read_line(line)
        if not event:
            return
        if self._told >= MOST_TOLD and event not in _ALWAYS_TOLD:
            self._left_out += 1
            return
        self._told += 1
        self._say(event, fields)


def read_line(line: str) -> tuple[str, dict[str, Any]]:
    """An event of the run and its fields; anything else is told as text."""
    said = _parse(line) if len(line) <= LONGEST_LINE else None
    if said is None:
        text = clean(line, limit=LONGEST_LINE)
        return ("run_output", {"text": text}) if text.strip() else ("", {})
    if isinstance(said.get("event"), str):
        return said["event"], {name: said[name] for name in said if name not in {"event", "at"}}
    if isinstance(said.get("error"), dict):
        return "run_failed", said["error"]
    return "run_closed", said


def _parse(line: str) -> dict[str, Any] | None:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
