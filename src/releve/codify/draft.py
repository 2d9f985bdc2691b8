"""The repository while it is being changed: every finding builds on those before it."""

from collections.abc import Mapping

from releve.codify.scalars import NotExpressible


class Draft:
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(files)
        self._changed: dict[str, bytes] = {}

    def read(self, path: str) -> str | None:
        """None where there is no such file, or it is no text."""
        content = self._files.get(path)
        try:
            return None if content is None else content.decode("utf-8")
        except UnicodeDecodeError:
            return None

    def read_bytes(self, path: str) -> bytes | None:
        return self._files.get(path)

    def write(self, path: str, content: str | bytes) -> None:
        raw = content.encode("utf-8") if isinstance(content, str) else content
        if self._files.get(path) == raw:
            return
        self._files[path] = raw
        self._changed[path] = raw

    def has(self, path: str) -> bool:
        return path in self._files

    def paths(self) -> list[str]:
        return sorted(self._files)

    def take_changes(self) -> dict[str, bytes]:
        """What was written since the last time."""
        changed, self._changed = self._changed, {}
        return changed

    def mark(self) -> tuple[dict[str, bytes], dict[str, bytes]]:
        return dict(self._files), dict(self._changed)

    def go_back(self, mark: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
        self._files, self._changed = dict(mark[0]), dict(mark[1])


def require_free(draft: Draft, path: str, content: bytes) -> None:
    """NotExpressible where another file of this name is in the repository already."""
    if draft.has(path) and draft.read_bytes(path) != content:
        raise NotExpressible(f"{path} is in the repository with another content")
