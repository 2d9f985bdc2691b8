"""What a helper says of files on a dead disk, checked; which of them may be copied: pure."""

import fnmatch
import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from releve.errors import CommandFailed, PlanError
from releve.model.run import RunInput
from releve.model.server_text import show_server_text

IDENTITY: Final = (  # who the machine is; the new one is somebody else
    *("/etc/ssh/ssh_host_*", "/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/hostid"),
    *("/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret"),
    *("/var/lib/dhcp/*", "/var/lib/cloud/*", "/run/*"),
)
MOST_PATHS: Final = 100
_STATES: Final = frozenset(
    {"absent", "same", "different", "other", "blocked", "written", "replaced"}
)


@dataclass(frozen=True)
class Choice:
    """What a person asked for."""

    paths: tuple[str, ...]
    to: str = "/"  # a directory of the new host, below which each path is put whole
    only_list: bool = False
    replace: bool = False
    identity: bool = False

    @classmethod
    def of(cls, run: RunInput) -> Self:
        asked = run.options["salvage"]
        return cls(
            paths=tuple(asked["paths"]),
            to=str(asked["to"]),
            only_list=bool(asked["only_list"]),
            replace=bool(asked["replace"]),
            identity=bool(asked["identity"]),
        )


@dataclass(frozen=True)
class LeftOut:
    path: str
    why: str

    def as_found(self) -> "Found":
        return Found(path=self.path, state="left_out", why=self.why)


@dataclass(frozen=True)
class Found:
    """One file of the dead disk, and what became of it."""

    path: str
    size: int = 0
    sha256: str = ""
    dress: Mapping[str, Any] = field(default_factory=dict)  # for guest_target.py: owner, mode…
    state: str = ""
    why: str = ""
    backup: str = ""
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return posixpath.basename(self.path)

    def judged(self, answer: Mapping[str, Any]) -> "Found":
        """With what the new instance said; nothing of that is believed beyond its shape."""
        state = str(answer.get("state", ""))
        notes = answer.get("notes", [])
        return replace(
            self,
            state=state if state in _STATES else "blocked",
            why=show_server_text(str(answer.get("why", ""))),
            backup=show_server_text(str(answer.get("backup", ""))),
            notes=tuple(show_server_text(str(note)) for note in notes[:10])
            if isinstance(notes, list)
            else (),
        )

    def describe(self) -> dict[str, Any]:
        return {
            "path": show_server_text(self.path, limit=500),
            "size": self.size,
            "sha256": self.sha256,
            "owner": show_server_text(str(self.dress.get("owner", "")), limit=64),
            "group": show_server_text(str(self.dress.get("group", "")), limit=64),
            "mode": f"{self.dress['mode']:04o}" if self.dress else "",
            "state": self.state,
            "why": show_server_text(self.why),
            "backup": self.backup,
            "notes": list(self.notes),
        }


def check_choice(choice: Choice) -> Choice:
    """With plain absolute paths; PlanError for what cannot be meant."""
    if not choice.paths:
        raise PlanError(
            "no path was named", remedy="Name files or directories, or use --list for a proposal"
        )
    if len(choice.paths) > MOST_PATHS:
        raise PlanError(
            f"more than {MOST_PATHS} paths were named", remedy="Name the directory that holds them"
        )
    return replace(choice, paths=tuple(_plain(path) for path in choice.paths), to=_plain(choice.to))


def _plain(path: str) -> str:
    if not _is_plain(path):
        raise PlanError(
            f"{show_server_text(path)!r} is no absolute path",
            why="a path is taken as it is on the disk, from / on, without ..",
            remedy="Write it from / on",
        )
    return "/" + "/".join(part for part in path.split("/") if part not in {"", "."})


def _is_plain(path: str) -> bool:
    return path.startswith("/") and ".." not in path.split("/") and "\0" not in path


def choose(files: Sequence[Found], choice: Choice) -> tuple[list[Found], list[Found]]:
    """The files that may be copied, and those that are refused."""
    taken: list[Found] = []
    refused: list[Found] = []
    for file in files:
        if is_identity(file.path) and not choice.identity:
            why = "it says who the dead machine was; --identity copies it all the same"
            refused.append(replace(file, state="identity", why=why))
        else:
            taken.append(file)
    return taken, refused


def is_identity(path: str) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in IDENTITY)


def read_listing(output: bytes) -> tuple[list[Found], list[dict[str, Any]], list[LeftOut]]:
    """Files, directories and what was left out; CommandFailed where a line is none of ours."""
    files: list[Found] = []
    directories: list[dict[str, Any]] = []
    left_out: list[LeftOut] = []
    try:
        for line in output.splitlines():
            item = json.loads(line)
            path = _checked(item["path"])
            if item["type"] == "file":
                files.append(_read_file(item, path))
            elif item["type"] == "directory":
                directories.append({"path": path, **_read_owners(item)})
            elif item["type"] == "left_out":
                left_out.append(LeftOut(path, show_server_text(str(item["why"]))))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandFailed(
            "the helper's list of files cannot be read",
            why=f"{type(error).__name__} in {len(output)} bytes",
            remedy="Log in to a helper and see what its python3 prints",
        ) from error
    return files, directories, left_out


def _checked(path: Any) -> str:
    if not isinstance(path, str) or not _is_plain(path) or _plain(path) != path:
        raise ValueError("a path that is none")
    return path


def _read_file(item: Mapping[str, Any], path: str) -> Found:
    sha256 = str(item["sha256"])
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise ValueError("a checksum that is none")
    acl = [[int(tag), int(allowed), str(name)] for tag, allowed, name in item["acl"]][:100]
    dress = {"sha256": sha256, "mtime": int(item["mtime"]), "acl": acl, **_read_owners(item)}
    return Found(path=path, size=max(0, int(item["size"])), sha256=sha256, dress=dress)


def _read_owners(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "mode": int(item["mode"]) & 0o7777,
        "owner": str(item["owner"])[:64],
        "group": str(item["group"])[:64],
    }
