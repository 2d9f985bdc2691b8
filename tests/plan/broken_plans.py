"""Broken plans as data: an edit of the good repository, and the exact words that it must earn."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent
GOOD: Final = HERE / "good_repository"


@dataclass(frozen=True)
class BrokenPlan:
    """What is done to the good repository and its cloud, and what is said about it."""

    name: str
    says: str  # all of stderr
    text: str | None = None  # instead of the good plan
    replace: dict[str, str] = field(default_factory=dict)
    prepend: str = ""
    append: str = ""
    append_filler: int = 0  # this many comment signs after it
    encoding: str = "utf-8"
    hex_replace: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    fifos: list[str] = field(default_factory=list)
    cloud: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # a person's acts there
    converger: list[str] = field(default_factory=list)  # what it finds in the playbooks
    keys: list[str] | None = None  # the controller's; None: those of the fake

    def write(self, directory: Path) -> Path:
        """The plan's path in a repository made for it."""
        shutil.copytree(GOOD, directory, dirs_exist_ok=True)
        for path, content in self.files.items():
            (directory / path).write_text(content)
        for path, target in self.links.items():
            (directory / path).symlink_to(target)
        for path in self.fifos:
            os.mkfifo(directory / path)
        (directory / "releve.yml").write_bytes(self._bytes())
        return directory / "releve.yml"

    def _bytes(self) -> bytes:
        text = (GOOD / "releve.yml").read_text() if self.text is None else self.text
        for old, new in self.replace.items():
            assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
            text = text.replace(old, new)
        text = f"{self.prepend}{text}{self.append}{'#' * self.append_filler}"
        raw = text.encode(self.encoding)
        for old, digits in self.hex_replace.items():
            raw = raw.replace(old.encode(), bytes.fromhex(digits))
        return raw


def read_broken_plans(topic: str) -> Iterator[BrokenPlan]:
    for case in yaml.safe_load((HERE / "broken" / f"{topic}.yml").read_text()):
        yield BrokenPlan(**case)


def list_topics() -> list[str]:
    return sorted(path.stem for path in (HERE / "broken").glob("*.yml"))
