"""Sealed chunks on their way into the database: in a file that has no name, so none is left."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from releve.errors import JournalError

_IN_A_BATCH = 32  # chunks, so at most 8 MiB in memory


class Spool:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: IO[bytes] | None = None
        self._lengths: list[int] = []
        self.ids: list[bytes] = []

    def __enter__(self) -> Self:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._directory)
        except OSError as error:
            raise _no_room(self._directory, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            with suppress(OSError):  # a full disk was told before, or nobody needs the rest
                self._file.close()

    def add(self, chunk_id: bytes, sealed: bytes) -> None:
        assert self._file is not None  # noqa: S101 - entered
        try:
            self._file.write(sealed)
        except OSError as error:
            raise _no_room(self._directory, error) from error
        self.ids.append(chunk_id)
        self._lengths.append(len(sealed))

    def batches(self) -> Iterator[list[tuple[int, bytes, bytes]]]:
        """Position, id and sealed chunk; from the beginning, as often as it is asked."""
        assert self._file is not None  # noqa: S101 - entered
        try:
            self._file.seek(0)  # writes what is still buffered
        except OSError as error:
            raise _no_room(self._directory, error) from error
        for first in range(0, len(self.ids), _IN_A_BATCH):
            positions = range(first, min(first + _IN_A_BATCH, len(self.ids)))
            yield [
                (position, self.ids[position], self._file.read(self._lengths[position]))
                for position in positions
            ]


def _no_room(directory: Path, error: OSError) -> JournalError:
    return JournalError(
        f"an observed state cannot be written to {directory}",
        why=str(error),
        remedy="Make room or make it writable, then scan again",
    )
