"""A machine made of a dictionary: the System that collectors are tried on."""

import hashlib
import hmac
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from releve.scan.collector.system import NotChecked, System

KEY = b"key of the tests"
MOST_LINKS = 10


@dataclass
class ExampleSystem(System):
    """Text is written with surrogate escapes where the machine has bytes that are no UTF-8."""

    files: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, int] = field(default_factory=dict)
    unreadable: Sequence[str] = ()
    empty_directories: Sequence[str] = ()
    offline: bool = False
    ran: list[str] = field(default_factory=list)

    def read(self, path: str, limit: int = 4 << 20) -> bytes | None:
        path = self._resolve(path)
        if path in self.unreadable:
            raise NotChecked(f"{path} cannot be read")
        text = self.files.get(path)
        if text is None:
            return None
        content = text.encode("utf-8", "surrogateescape")
        if len(content) > limit:
            raise NotChecked(f"{path} is over {limit} bytes")
        return content

    def names(self, directory: str) -> list[str]:
        return sorted(self._children(self._resolve(directory)))

    def directories(self, directory: str) -> list[str]:
        found = self._children(self._resolve(directory))
        base = self._resolve(directory).rstrip("/")
        return sorted(name for name in found if self._is_directory(f"{base}/{name}"))

    def owner(self, path: str) -> int | None:
        if path in self.links or path in self.files or self._is_directory(path):
            return self.owners.get(path, 0)
        return None

    def target(self, path: str) -> str | None:
        return self.links.get(
            self._resolve(posixpath.dirname(path)) + "/" + path.rsplit("/", maxsplit=1)[-1]
        )

    def run(
        self, argv: Sequence[str], seconds: float = 10, stdin: bytes = b""
    ) -> tuple[int, bytes]:
        if self.offline:
            raise NotChecked("needs a running system")
        assert seconds > 0
        words = " ".join(argv) + (" <<< " + stdin.decode() if stdin else "")
        self.ran.append(words)
        answer = self.commands.get(words)
        if answer is None:
            return 127, b""
        if "error" in answer:
            raise NotChecked(str(answer["error"]))
        return int(answer["code"]), str(answer["out"]).encode("utf-8", "surrogateescape")

    def digest(self, content: bytes) -> str:
        return "sha256:" + hashlib.sha256(content).hexdigest()

    def keyed_digest(self, content: bytes) -> str:
        return "hmac:" + hmac.new(KEY, content, hashlib.sha256).hexdigest()

    def _resolve(self, path: str) -> str:
        """Like the kernel: each link on the way, a bounded number of times."""
        for _ in range(MOST_LINKS):
            parts = path.split("/")
            for length in range(2, len(parts) + 1):
                place = "/".join(parts[:length])
                if place in self.links:
                    target = posixpath.join(posixpath.dirname(place), self.links[place])
                    path = posixpath.normpath("/".join([target, *parts[length:]]))
                    break
            else:
                return path
        return path

    def _children(self, directory: str) -> set[str]:
        prefix = directory.rstrip("/") + "/"
        everything = (*self.files, *self.links, *self.unreadable, *self.empty_directories)
        return {
            path[len(prefix) :].split("/")[0]
            for path in everything
            if path.startswith(prefix) and path != prefix
        }

    def _is_directory(self, path: str) -> bool:
        return path not in self.links and (
            path in self.empty_directories or bool(self._children(path))
        )
